-- finetune9.lua: go on from a network of KataGo's on 9x9, on two CPU cores, in some minutes.
--
--   mpirun -n 2 tengen train configs/finetune9.lua --set net.start_from=g170-b6c96.bin.gz
--
-- The shape is that of g170-b6c96 (its first convolution is 5x5); for another network name its shape under
-- net. Network 0 of the run is as strong as the file, so steps are short: what is known must not be lost
-- before the games can improve it. The heads that the file lacks (reply, soft policy) begin at random and
-- teach nothing good yet, so they do not count here.
local merge, katago = require "merge", require "katago"

return merge(katago.selfplay, {
    name = "finetune9",
    iterations = 3,

    game = { kind = "go", size = 9, komi = 7, komi_stdev = 1, rules = "tromp-taylor" },
    net = { preset = "b6c96", stem = 5 },

    selfplay = { games = 100, parallel_games = 48, cheap_visits = 20 },
    search = { visits = 100 },
    replay = { capacity = 100000, window_min = 20000 },
    train = {
        batch = 128,
        min_rows = 200,
        rows_per_new_row = 4,
        optimiser = "adamw",
        learning_rate = 1e-5,
        warmup_steps = 50, -- the optimiser's moments are new
        clip_norm = 5,
        weight_decay = 1e-5,
        ema = 0.98,
        loss = { preset = "katago", reply = 0, soft_policy = 0 },
    },
    gate = { enabled = false },
})
