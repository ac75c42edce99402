/* bench_matrix.c - the largest rate of a bf16 matrix product on this device, by cublasLt, on random numbers
 * (zeros need less power, and so run faster): what a network's TFLOP/s are a share of. Prints one JSON object.
 * usage: bench_matrix [SECONDS]; exit status 77 where there is no device. */
#include <cublasLt.h>
#include <cuda_runtime.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { WARM_UP = 3, BURST = 10 };
static const size_t WORKSPACE = (size_t)64 << 20;

struct product {
    cublasLtHandle_t handle;
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t square;
    cublasLtMatmulHeuristicResult_t choice;
    void *a, *b, *c, *workspace;
};

static void cuda(cudaError_t rc, const char *what)
{
    if (rc == cudaSuccess)
        return;
    fprintf(stderr, "bench_matrix: %s: %s\n", what, cudaGetErrorString(rc));
    exit(1);
}

static void lt(cublasStatus_t rc, const char *what)
{
    if (rc == CUBLAS_STATUS_SUCCESS)
        return;
    fprintf(stderr, "bench_matrix: %s: %s\n", what, cublasLtGetStatusString(rc));
    exit(1);
}

/* A square of bf16 numbers in -2..2. */
static void *random_square(int side)
{
    size_t n = (size_t)side * (size_t)side;
    uint16_t *host = malloc(n * sizeof *host);
    uint64_t x = 88172645463325252u;
    void *device;

    if (host == NULL)
        exit(1);
    for (size_t i = 0; i < n; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        host[i] = (uint16_t)((x & 0x807f) | (uint64_t)(120 + (x >> 32) % 8) << 7);
    }
    cuda(cudaMalloc(&device, n * sizeof *host), "memory for a matrix");
    cuda(cudaMemcpy(device, host, n * sizeof *host, cudaMemcpyHostToDevice), "a copy");
    free(host);
    return device;
}

static void product_open(struct product *p, int side)
{
    cublasOperation_t turned = CUBLAS_OP_T;
    cublasLtMatmulPreference_t wish;
    int n = 0;

    lt(cublasLtCreate(&p->handle), "cublasLt");
    lt(cublasLtMatmulDescCreate(&p->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F), "a product");
    lt(cublasLtMatmulDescSetAttribute(p->desc, CUBLASLT_MATMUL_DESC_TRANSA, &turned, sizeof turned), "a product");
    lt(cublasLtMatrixLayoutCreate(&p->square, CUDA_R_16BF, (uint64_t)side, (uint64_t)side, side), "a matrix");
    lt(cublasLtMatmulPreferenceCreate(&wish), "a preference");
    lt(cublasLtMatmulPreferenceSetAttribute(wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &WORKSPACE,
                                            sizeof WORKSPACE), "a preference");
    lt(cublasLtMatmulAlgoGetHeuristic(p->handle, p->desc, p->square, p->square, p->square, p->square, wish, 1,
                                      &p->choice, &n), "an algorithm");
    cublasLtMatmulPreferenceDestroy(wish);
    p->a = random_square(side);
    p->b = random_square(side);
    p->c = random_square(side);
    cuda(cudaMalloc(&p->workspace, WORKSPACE), "a workspace");
}

static void product_close(struct product *p)
{
    cudaFree(p->a);
    cudaFree(p->b);
    cudaFree(p->c);
    cudaFree(p->workspace);
    cublasLtMatrixLayoutDestroy(p->square);
    cublasLtMatmulDescDestroy(p->desc);
    cublasLtDestroy(p->handle);
}

static void product_run(const struct product *p)
{
    const float one = 1, zero = 0;

    lt(cublasLtMatmul(p->handle, p->desc, &one, p->a, p->square, p->b, p->square, &zero, p->c, p->square, p->c,
                      p->square, &p->choice.algo, p->workspace, WORKSPACE, 0), "a product");
}

/* Mean TFLOP/s over about so many seconds. */
static double rate(int side, double seconds)
{
    struct product p;
    cudaEvent_t from, to;
    double sum_ms = 0;
    int n = 0;

    product_open(&p, side);
    cuda(cudaEventCreate(&from), "an event");
    cuda(cudaEventCreate(&to), "an event");
    for (int i = 0; i < WARM_UP; i++)
        product_run(&p);
    while (sum_ms < 1e3 * seconds) {
        float ms;

        cuda(cudaEventRecord(from, 0), "an event");
        for (int i = 0; i < BURST; i++)
            product_run(&p);
        cuda(cudaEventRecord(to, 0), "an event");
        cuda(cudaEventSynchronize(to), "a product");
        cuda(cudaEventElapsedTime(&ms, from, to), "an event");
        sum_ms += (double)ms;
        n += BURST;
    }
    cudaEventDestroy(from);
    cudaEventDestroy(to);
    product_close(&p);
    return 2e-9 * side * side * side * n / sum_ms;
}

int main(int argc, char **argv)
{
    static const int sides[] = {4096, 8192, 16384};
    double seconds = argc > 1 ? atof(argv[1]) : 1, best = 0;
    int n_devices = 0, best_side = 0;
    cudaError_t rc = cudaGetDeviceCount(&n_devices);
    struct cudaDeviceProp d;

    if (rc != cudaSuccess || n_devices < 1) {
        fprintf(stderr, "bench_matrix: no CUDA device: %s\n", cudaGetErrorString(rc));
        return 77;
    }
    cuda(cudaGetDeviceProperties(&d, 0), "the device");
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        double tflops = rate(sides[i], seconds);

        best_side = tflops > best ? sides[i] : best_side;
        best = tflops > best ? tflops : best;
    }
    printf("{\"bench\":\"peak\",\"by\":\"cublasLt\",\"device\":\"%s\",\"matrix_tflops\":%.6g,\"matrix_side\":%d}\n",
           d.name, best, best_side);
    return 0;
}
