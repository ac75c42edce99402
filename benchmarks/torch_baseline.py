#!/usr/bin/env python3
"""PyTorch on the networks that Tengen plays with, to measure Tengen's CUDA backend against.

    benchmarks/torch_baseline.py --nets b10c128 --batches 64,256,1024       # one JSON object a line

The same architectures (the presets of src/nn/arch.c), tensor for tensor in the order of src/nn/layout.c; random
parameters, random full boards. What is fast in PyTorch is on: bfloat16 autocast with fp32 parameters for
training (for inference the weights are cast once, beforehand), channels-last tensors, cuDNN's own choice of algorithms,
torch.compile, and a CUDA graph around the whole pass or step. Blocks are compiled one by one and cut where a
convolution ends, so that every chain of element-wise operations is one kernel, as in a compilation of the whole, in
a fraction of its time (--compile whole does that). Inputs lie on the device already: copies are not counted.
A training step is forward, Tengen's losses, backward, clipping of the norm, AdamW (fused).
"""
import argparse
import contextlib
import json
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

N_PLANES, N_GLOBALS, N_POLICY, N_SCORE = 22, 19, 3, 4  # Go's inputs; move, reply, soft policy; four scores

# blocks, trunk, mid, gpool, first and every of the pooling blocks, p1, g1, v1, v2, nested: as in src/nn/arch.c;
# parameters, as `tengen bench infer --backend simulated --net NAME --size 19` says and tests/nn/test_arch.c holds
PRESETS = {
    "b2c16": (2, 16, 16, 8, 2, 8, 8, 8, 8, 16, False, 13_135),
    "b3c32": (3, 32, 32, 16, 2, 8, 16, 16, 16, 24, False, 62_807),
    "b4c48": (4, 48, 48, 16, 3, 8, 16, 16, 16, 32, False, 176_967),
    "b5c64": (5, 64, 64, 16, 3, 8, 24, 24, 24, 48, False, 387_663),
    "b6c96": (6, 96, 96, 32, 3, 2, 32, 32, 32, 64, False, 995_207),
    "b10c128": (10, 128, 128, 32, 5, 3, 32, 32, 32, 80, False, 2_951_271),
    "b15c192": (15, 192, 192, 64, 7, 5, 32, 32, 32, 96, False, 9_866_919),
    "b20c256": (20, 256, 256, 64, 7, 5, 48, 48, 48, 112, False, 23_399_447),
    "b40c256": (40, 256, 256, 64, 6, 5, 48, 48, 96, 128, False, 46_603_815),
    "b18c384nbt": (18, 384, 192, 64, 3, 3, 48, 48, 96, 128, True, 26_370_743),
}


class Norm(nn.Module):
    """Scale, bias, activation, mask: no batch statistics."""

    def __init__(self, channels, act):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.act = act

    def forward(self, x, mask):
        y = self.act(x * self.scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)) * mask
        return y.to(x.dtype)


def conv(n_in, n_out, side):
    return nn.Conv2d(n_in, n_out, side, padding=side // 2, bias=False)


class Matmul(nn.Module):
    """[in][out], as Tengen keeps it."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out) / math.sqrt(n_in))

    def forward(self, x):
        return x @ self.weight


class Bias(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(n))

    def forward(self, x):
        return x + self.bias


def pool(u, mask, area, squared):
    """Mean, scaled mean, and the maximum or the mean scaled by the square."""
    side = area.sqrt() - 14.0
    mean = u.sum((2, 3), dtype=torch.float32) / area
    if squared:
        third = mean * (side * side * 0.01 - 0.1)
    else:
        third = torch.where(mask > 0, u, -1e30).amax((2, 3)).float()
    return torch.cat((mean, mean * side * 0.1, third), 1)


class Residual(nn.Module):
    """A block takes the stream and what the block before adds to it, and returns the same: the sum is taken
    where the next norm reads it."""

    def __init__(self, width, mid, act):
        super().__init__()
        self.norm1 = Norm(width, act)
        self.conv1 = conv(width, mid, 3)
        self.norm2 = Norm(mid, act)
        self.conv2 = conv(mid, width, 3)

    def forward(self, x, branch, mask, area):
        x = x + branch
        return x, self.conv2(self.norm2(self.conv1(self.norm1(x, mask)), mask))


class GPool(nn.Module):
    def __init__(self, width, mid, gpool, act):
        super().__init__()
        self.norm1 = Norm(width, act)
        self.conv1r = conv(width, mid, 3)
        self.conv1g = conv(width, gpool, 3)
        self.normg = Norm(gpool, act)
        self.gpool = Matmul(3 * gpool, mid)
        self.norm2 = Norm(mid, act)
        self.conv2 = conv(mid, width, 3)

    def forward(self, x, branch, mask, area):
        x = x + branch
        u = self.norm1(x, mask)
        pooled = pool(self.normg(self.conv1g(u), mask), mask, area, False)
        r = self.conv1r(u)
        r = r + self.gpool(pooled).to(r.dtype)[:, :, None, None]
        return x, self.conv2(self.norm2(r, mask))


class Nested(nn.Module):
    def __init__(self, width, mid, gpool, act):
        super().__init__()
        self.norm1 = Norm(width, act)
        self.conv1 = conv(width, mid, 1)
        self.inner = nn.ModuleList([GPool(mid, mid - gpool, gpool, act) if gpool else Residual(mid, mid, act),
                                    Residual(mid, mid, act)])
        self.norm2 = Norm(mid, act)
        self.conv2 = conv(mid, width, 1)

    def forward(self, x, branch, mask, area):
        x = x + branch
        y = self.conv1(self.norm1(x, mask))
        b = torch.zeros_like(y)
        for block in self.inner:
            y, b = block(y, b, mask, area)
        return x, self.conv2(self.norm2(y + b, mask))


class Heads(nn.Module):
    def __init__(self, trunk, p1, g1, v1, v2, hidden, act):
        super().__init__()
        self.act = act
        self.tip = Norm(trunk, act)
        self.conv_p1 = conv(trunk, p1, 1)
        self.conv_g1 = conv(trunk, g1, 1)
        self.norm_g1 = Norm(g1, act)
        self.gpool = Matmul(3 * g1, p1)
        self.norm_p1 = Norm(p1, act)
        self.conv_p2 = conv(p1, N_POLICY, 1)
        if hidden:
            self.pass1 = Matmul(3 * g1, p1)
            self.pass1_bias = Bias(p1)
            self.pass2 = Matmul(p1, N_POLICY)
        else:
            self.pass_ = Matmul(3 * g1, N_POLICY)
        self.hidden = hidden
        self.conv_v1 = conv(trunk, v1, 1)
        self.norm_v1 = Norm(v1, act)
        self.fc2 = Matmul(3 * v1, v2)
        self.fc2_bias = Bias(v2)
        self.fc3 = Matmul(v2, 3)
        self.fc3_bias = Bias(3)
        self.score = Matmul(v2, N_SCORE)
        self.score_bias = Bias(N_SCORE)
        self.ownership = conv(v1, 1, 1)

    def forward(self, x, branch, mask, area):
        t = self.tip(x + branch, mask)
        pooled = pool(self.norm_g1(self.conv_g1(t), mask), mask, area, False)
        p = self.conv_p1(t)
        p = p + self.gpool(pooled).to(p.dtype)[:, :, None, None]
        board = self.conv_p2(self.norm_p1(p, mask)).flatten(2)
        if self.hidden:
            pass_ = self.pass2(self.act(self.pass1_bias(self.pass1(pooled))))
        else:
            pass_ = self.pass_(pooled)
        v = self.norm_v1(self.conv_v1(t), mask)
        f = self.act(self.fc2_bias(self.fc2(pool(v, mask, area, True))))
        policy = torch.cat((board.float(), pass_.float()[:, :, None]), 2)
        return (policy, self.fc3_bias(self.fc3(f)).float(), self.score_bias(self.score(f)).float(),
                self.ownership(v).flatten(1).float())


class Stem(nn.Module):
    def __init__(self, trunk):
        super().__init__()
        self.conv = conv(N_PLANES, trunk, 3)
        self.globals = Matmul(N_GLOBALS, trunk)

    def forward(self, planes, globals_):
        x = self.conv(planes)
        return x, self.globals(globals_).to(x.dtype)[:, :, None, None]


class Net(nn.Module):
    def __init__(self, name):
        super().__init__()
        n_blocks, trunk, mid, gpool, first, every, p1, g1, v1, v2, nested, params = PRESETS[name]
        act = F.mish if nested else F.relu
        self.stem = Stem(trunk)
        self.blocks = nn.ModuleList()
        for b in range(1, n_blocks + 1):
            pools = b >= first and (b - first) % every == 0 and (b < n_blocks or n_blocks == 2)
            if nested:
                self.blocks.append(Nested(trunk, mid, gpool if pools else 0, act))
            elif pools:
                self.blocks.append(GPool(trunk, mid - gpool, gpool, act))
            else:
                self.blocks.append(Residual(trunk, mid, act))
        self.heads = Heads(trunk, p1, g1, v1, v2, nested, act)
        if n_params(self) != params:
            raise ValueError(f"{name} has {n_params(self)} parameters here and {params} in Tengen: not the same network")

    def forward(self, planes, globals_):
        mask = planes[:, :1]
        area = mask.sum((1, 2, 3), dtype=torch.float32)[:, None]
        x, branch = self.stem(planes, globals_)
        for block in self.blocks:
            x, branch = block(x, branch, mask, area)
        return self.heads(x, branch, mask, area)

    def compile_parts(self, how):
        if how == "whole":
            self.compile(dynamic=False)
        elif how == "blocks":
            for part in [self.stem, *self.blocks, self.heads]:
                part.compile(dynamic=False)


def n_params(net):
    return sum(p.numel() for p in net.parameters())


def flops(net, size):
    """As nn_arch_flops: multiplications and additions of the direct form."""
    spatial = sum(m.weight.numel() for m in net.modules() if isinstance(m, nn.Conv2d))
    once = sum(m.weight.numel() for m in net.modules() if isinstance(m, Matmul))
    return 2.0 * (spatial * size * size + once)


def inputs(batch, size, device, dtype):
    g = torch.Generator().manual_seed(1)
    planes = (torch.rand(batch, N_PLANES, size, size, generator=g) < 0.2).to(dtype)
    planes[:, 0] = 1
    globals_ = torch.rand(batch, N_GLOBALS, generator=g).to(dtype)
    return planes.to(device).contiguous(memory_format=torch.channels_last), globals_.to(device)


def targets(batch, size, device):
    g = torch.Generator().manual_seed(2)
    points = size * size

    def move():
        return F.one_hot(torch.randint(points, (batch,), generator=g), points + 1).float().to(device)

    value = F.one_hot(torch.randint(2, (batch,), generator=g), 3).float().to(device)
    own = (torch.randint(2, (batch, points), generator=g) * 2 - 1).float().to(device)
    return move(), move(), value, own, torch.full((batch,), 5.0, device=device)


def losses(out, t):
    """The terms that `tengen bench train` switches on."""
    policy, value, score, own = out
    t_policy, t_reply, t_value, t_own, t_score = t
    total = -(t_policy * F.log_softmax(policy[:, 0], 1)).sum(1).mean()
    total = total - 0.15 * (t_reply * F.log_softmax(policy[:, 1], 1)).sum(1).mean()
    total = total - (t_value * F.log_softmax(value, 1)).sum(1).mean()
    total = total + 0.1 * F.binary_cross_entropy_with_logits(2 * own, (1 + t_own) / 2)
    total = total + 0.01 * F.huber_loss(20 * score[:, 0], t_score, delta=12.0)
    return total + 0.01 * F.huber_loss(20 * score[:, 2], t_score, delta=8.0)


class Bench:
    def __init__(self, args):
        self.args = args
        self.cuda = args.device == "cuda"
        self.dtype = torch.bfloat16 if args.precision == "bf16" else torch.float32

    def autocast(self):
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.args.device, dtype=self.dtype, cache_enabled=False)

    def sync(self):
        if self.cuda:
            torch.cuda.synchronize()

    def graph(self, call):
        """call as a CUDA graph, warmed up; on the CPU call itself."""
        if not self.cuda:
            call()
            return call
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                call()
        torch.cuda.current_stream().wait_stream(side)
        self.sync()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            call()
        return graph.replay

    def seconds_per_call(self, call):
        for _ in range(3):
            call()
        self.sync()
        start, n = time.perf_counter(), 0
        while True:
            for _ in range(4 if self.cuda else 1):
                call()
            self.sync()  # every few calls: the host does not run ahead by more
            n += 4 if self.cuda else 1
            took = time.perf_counter() - start
            if took > self.args.seconds:
                return took / n

    def net(self, name):
        torch.manual_seed(1)
        net = Net(name).to(self.args.device).to(memory_format=torch.channels_last)
        net.compile_parts(self.args.compile)
        return net

    def infer(self, name, batch):
        net = self.net(name).eval().requires_grad_(False)
        for m in net.modules():  # what autocast would do at each pass
            if isinstance(m, (nn.Conv2d, Matmul)):
                m.weight.data = m.weight.data.to(self.dtype)
        planes, globals_ = inputs(batch, self.args.size, self.args.device, self.dtype)

        def call():
            with torch.no_grad(), self.autocast():
                return net(planes, globals_)

        rate = batch / self.seconds_per_call(self.graph(call))
        return net, {"evals_per_sec": rate, "tflops": rate * flops(net, self.args.size) * 1e-12}

    def train(self, name, batch):
        net = self.net(name).train()
        planes, globals_ = inputs(batch, self.args.size, self.args.device, self.dtype)
        t = targets(batch, self.args.size, self.args.device)
        kinds = {"fused": True, "capturable": True} if self.cuda else {}
        optimiser = torch.optim.AdamW(net.parameters(), lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, **kinds)

        def call():
            optimiser.zero_grad(set_to_none=True)
            with self.autocast():
                out = net(planes, globals_)
            losses(out, t).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0, foreach=True)
            optimiser.step()

        sec = self.seconds_per_call(self.graph(call))
        return net, {"rows_per_sec": batch / sec, "step_sec": sec,
                     "tflops": 3 * flops(net, self.args.size) * batch / sec * 1e-12}

    def peak(self):
        """The largest rate of a square matrix product: what the device can do at most."""
        best, side_of_best = 0.0, 0
        for side in (4096, 8192, 16384) if self.cuda else (512, 1024):
            a = torch.randn(side, side, device=self.args.device).to(self.dtype)
            b = torch.randn(side, side, device=self.args.device).to(self.dtype)
            rate = 2.0 * side**3 / self.seconds_per_call(lambda: a @ b) * 1e-12
            if rate > best:
                best, side_of_best = rate, side
        return {"matrix_tflops": best, "matrix_side": side_of_best}

    def clear(self):
        torch.compiler.reset()
        if self.cuda:
            torch.cuda.empty_cache()


def say(line):
    print(json.dumps({k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in line.items()}), flush=True)


def points(args):
    """All measurements that were asked for, cheapest networks first."""
    if "peak" in args.only:
        yield "peak", None, None
    for name in args.nets:
        for what in ("infer", "train"):
            for batch in args.batches if what in args.only else ():
                yield what, name, batch


def measure(bench, what, name, batch):
    if what == "peak":
        return bench.peak()
    net, line = getattr(bench, what)(name, batch)
    return {"params": n_params(net), **line}


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = lambda text: text.split(",")
    p.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    p.add_argument("--nets", type=words, default=["b6c96", "b10c128", "b18c384nbt", "b40c256"])
    p.add_argument("--batches", type=lambda text: [int(n) for n in text.split(",")], default=[64, 256, 1024])
    p.add_argument("--size", type=int, default=19)
    p.add_argument("--only", type=words, default=["peak", "infer", "train"], help="of peak,infer,train")
    p.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    p.add_argument("--limit", type=float, default=math.inf, help="seconds after which no other measurement begins")
    p.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    p.add_argument("--compile", choices=("blocks", "whole", "off"), default="blocks")
    p.add_argument("--count", action="store_true", help="only the networks' numbers of parameters")
    args = p.parse_args()
    for name in args.nets:
        if name not in PRESETS:
            p.error(f"no network {name}; there are {', '.join(PRESETS)}")
    if args.device == "cuda" and not args.count and not torch.cuda.is_available():
        print("torch_baseline: PyTorch finds no CUDA device (--device cpu works anywhere)", file=sys.stderr)
        sys.exit(77)
    return args


def main():
    args = arguments()
    if args.count:
        for name in args.nets:
            say({"net": name, "params": n_params(Net(name))})
        return 0
    from torch._dynamo import config as dynamo  # counting works without: PyTorch 1 has none

    start, n_failed, bench = time.perf_counter(), 0, Bench(args)
    torch.backends.cudnn.benchmark = True
    dynamo.recompile_limit = 32
    dynamo.fail_on_recompile_limit_hit = True  # rather than to go on, unseen, without compilation
    torch.set_float32_matmul_precision("high" if args.precision == "bf16" else "highest")
    device = torch.cuda.get_device_name() if args.device == "cuda" else "cpu"
    say({"bench": "torch", "version": torch.__version__, "device": device, "precision": args.precision,
         "compile": args.compile})
    for what, name, batch in points(args):
        line = {"bench": what, "net": name, "size": args.size, "batch": batch}
        if what == "peak":
            line = {"bench": what}
        try:
            if time.perf_counter() - start > args.limit:
                raise TimeoutError("no time was left for it")
            line.update(measure(bench, what, name, batch))
        except Exception as error:  # the next one may work
            line["error"] = f"{type(error).__name__}: {error}".split("\n")[0][:200]
            n_failed += 1
        say(line)
        bench.clear()
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
