# A Spack package. Put this file into a repository of your own as packages/tengen/package.py, and
# tengen-0.1.tar.gz (git archive --prefix=tengen-0.1/ -o tengen-0.1.tar.gz HEAD) where you call spack, then
#   spack install --no-checksum tengen +cuda cuda_arch=90
# or, in a checkout: spack dev-build tengen@0.1
import os

from spack.package import *


class Tengen(CMakePackage, CudaPackage):
    """Trains Go and Gomoku networks by self-play on MPI ranks."""

    manual_download = True
    url = f"file://{os.getcwd()}/tengen-0.1.tar.gz"

    version("0.1")

    variant("onednn", default=False, description="oneDNN, the yardstick of tengen bench")

    depends_on("c", type="build")
    depends_on("cxx", type="build", when="+cuda")
    depends_on("cmake@3.25:", type="build")
    depends_on("mpi@3:")
    depends_on("hdf5@1.10.8: +mpi")
    depends_on("lua@5.4")
    depends_on("zlib-api")
    depends_on("xxhash")
    depends_on("cjson")
    depends_on("protobuf-c")
    depends_on("onednn", when="+onednn")
    with when("+cuda"):
        depends_on("cuda@12:")
        depends_on("cudnn@9:")
        depends_on("nccl")
        conflicts("cuda_arch=none", msg="say which: cuda_arch=90")

    def cmake_args(self):
        args = [
            self.define("BUILD_TESTING", False),
            self.define("TG_WERROR", False),
            self.define("TENGEN_MARCH", ""),  # Spack's compiler wrapper says for which processor
            self.define("TENGEN_CUDA", "on" if self.spec.satisfies("+cuda") else "off"),
        ]
        if self.spec.satisfies("+cuda"):
            args.append(self.define("CMAKE_CUDA_ARCHITECTURES", ";".join(self.spec.variants["cuda_arch"].value)))
            args.append(self.define("CUDNN_ROOT", self.spec["cudnn"].prefix))
            args.append(self.define("NCCL_ROOT", self.spec["nccl"].prefix))
        return args

    def test_version(self):
        """the program starts"""
        tengen = which(self.prefix.bin.tengen)
        assert "tengen 0.1" in tengen("version", output=str.split, error=str.split)
