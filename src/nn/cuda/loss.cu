/* loss.cu - the losses of a row and their gradients by the heads' outputs. A block per row. */
#include "device.cuh"

enum { LOSS_THREADS = 128 };

/* A row in shared memory: logits and target of one policy in the order of the board's points with the
 * pass last; points off the board are left out by `on`. */
struct loss_row {
    float z[GAME_MAX_ACTIONS], t[GAME_MAX_ACTIONS], scratch[2 * LOSS_THREADS];
    uint16_t at[GAME_MAX_POINTS]; /* the point's place in the network */
    uint8_t on[GAME_MAX_ACTIONS];
    float metrics[NN_METRICS];
};

/* What one policy loss came to. */
struct policy_sums {
    float loss, entropy;
    int best, wanted; /* top move, the target's top move */
};

static __device__ struct policy_sums policy_loss(const struct loss_args &a, struct loss_row *r, int row,
                                                 int channel, const float *target, bool soft, float scale)
{
    int id = (int)threadIdx.x, n = a.points + 1;
    size_t first = (size_t)row * (size_t)a.points;
    struct policy_sums sums;
    float top = -INFINITY, best = -INFINITY, sum = 0.0f, mass = 0.0f, loss = 0.0f, entropy = 0.0f;
    int top_at = n, best_at = n;

    for (int p = id; p < n; p += LOSS_THREADS)
        if (r->on[p]) {
            float z = p < a.points ? a.logits[(first + r->at[p]) * (size_t)a.n_policy + (size_t)channel]
                                   : a.pass[row * a.n_policy + channel];
            float t = target[(size_t)row * (size_t)n + (size_t)p];

            r->z[p] = z;
            r->t[p] = soft ? element_soften(t) : t;
            mass += r->t[p];
            top_at = z > top ? p : top_at;
            top = z > top ? z : top;
        }
    mass = block_sum(mass, r->scratch);
    top = block_max(top, top_at, r->scratch, &sums.best);
    for (int p = id; p < n; p += LOSS_THREADS)
        if (r->on[p])
            sum += expf(r->z[p] - top);
    sum = block_sum(sum, r->scratch);
    float log_sum = top + logf(sum), by = soft ? 1.0f / mass : 1.0f;

    mass *= by;
    for (int p = id; p < n; p += LOSS_THREADS)
        if (r->on[p]) {
            float t = r->t[p] * by, d = scale * (mass * (expf(r->z[p] - top) / sum) - t);

            if (t != 0.0f)
                loss += t * (log_sum - r->z[p]);
            if (t > 0.0f)
                entropy -= t * logf(t);
            best_at = t > best ? p : best_at;
            best = t > best ? t : best;
            if (p < a.points)
                a.d_logits[(first + r->at[p]) * (size_t)a.n_policy + (size_t)channel] = d;
            else
                a.d_pass[row * a.n_policy + channel] = d;
        }
    sums.loss = block_sum(loss, r->scratch);
    sums.entropy = block_sum(entropy, r->scratch);
    block_max(best, best_at, r->scratch, &sums.wanted);
    return sums;
}

/* All of them; returns their share of the total. */
static __device__ float policy_losses(const struct loss_args &a, struct loss_row *r, int row)
{
    const struct nn_loss &w = a.settings->loss;
    const float weight[3] = {w.policy, w.reply, w.soft_policy};
    const float *target[3] = {a.t.policy, a.t.reply, a.t.policy};
    const float *row_share[3] = {a.t.w_policy, a.t.w_reply, a.t.w_policy};
    const int metric[3] = {NN_METRIC_POLICY, NN_METRIC_REPLY, NN_METRIC_SOFT};
    float total = 0.0f;

    for (int i = 0; i < 3; i++) {
        float rows = a.t.row_weight[row] * row_share[i][row];

        if (a.channel[i] < 0 || weight[i] == 0.0f || rows == 0.0f)
            continue; /* the whole block */
        struct policy_sums s = policy_loss(a, r, row, a.channel[i], target[i], i == 2,
                                           weight[i] * rows * a.settings->per_row);

        total += weight[i] * rows * s.loss;
        if (threadIdx.x == 0) {
            r->metrics[metric[i]] = rows * s.loss;
            if (i == 0) {
                r->metrics[NN_METRIC_POLICY_ENTROPY] = rows * s.entropy;
                r->metrics[NN_METRIC_POLICY_HITS] = s.best == s.wanted ? rows : 0.0f;
                r->metrics[NN_METRIC_POLICY_ROWS] = rows;
            }
        }
    }
    return total;
}

static __device__ float ownership_loss(const struct loss_args &a, struct loss_row *r, int row, int n_on)
{
    const struct nn_loss &w = a.settings->loss;
    float rows = a.t.row_weight[row] * a.t.w_score[row], n = n_on > 0 ? (float)n_on : 1.0f, loss = 0.0f;
    size_t first = (size_t)row * (size_t)a.points;

    if (rows == 0.0f || w.ownership == 0.0f)
        return 0.0f; /* the whole block */
    float scale = w.ownership * rows * a.settings->per_row / n;

    for (int p = (int)threadIdx.x; p < a.points; p += LOSS_THREADS)
        if (r->on[p]) {
            size_t i = first + r->at[p];
            float d;

            loss += element_ownership_loss(w.ownership_kind, a.raw_ownership[i],
                                           a.t.ownership[first + (size_t)p], &d);
            a.d_ownership[i] = scale * d;
        }
    loss = block_sum(loss, r->scratch) * rows / n;
    if (threadIdx.x == 0)
        r->metrics[NN_METRIC_OWNERSHIP] = loss;
    return w.ownership * loss;
}

/* Value and score: one thread. Returns their share of the total. */
static __device__ float small_losses(const struct loss_args &a, struct loss_row *r, int row)
{
    const struct nn_loss &w = a.settings->loss;
    const float weight[3] = {w.score_mean, w.score_stdev, w.lead};
    float rows = a.t.row_weight[row] * a.t.w_value[row], total = 0.0f, d[3], losses[3], hit;
    float loss = element_value_loss(w.value_kind, a.value + row * NN_N_VALUE,
                                    a.t.value + row * NN_N_VALUE, d, &a.t.value_error[row], &hit);

    if (rows != 0.0f) {
        for (int k = 0; k < NN_N_VALUE; k++)
            a.d_value[row * NN_N_VALUE + k] = w.value * rows * a.settings->per_row * d[k];
        r->metrics[NN_METRIC_VALUE] = rows * loss;
        r->metrics[NN_METRIC_VALUE_ROWS] = rows;
        r->metrics[NN_METRIC_VALUE_HITS] = rows * hit;
        total += w.value * rows * loss;
    }
    rows = a.t.row_weight[row] * a.t.w_score[row];
    if (rows != 0.0f) {
        element_score_loss(&a.scales, a.score + row * a.n_score, a.t.score[row], losses, d);
        for (int k = 0; k < 3; k++)
            if (weight[k] != 0.0f) {
                a.d_score[row * a.n_score + k] = weight[k] * rows * a.settings->per_row * d[k];
                r->metrics[NN_METRIC_SCORE_MEAN + k] = rows * losses[k];
                total += weight[k] * rows * losses[k];
            }
    }
    return total;
}

/* The row's mask, and zeros where no loss may write. Returns the on-board points. */
static __device__ int start_row(const struct loss_args &a, struct loss_row *r, int row)
{
    const uint16_t *to = a.to + (a.symmetry[row] & 7) * a.points;
    const uint8_t *plane = a.planes + (size_t)row * (size_t)a.row_bytes;
    size_t first = (size_t)row * (size_t)a.points;
    int id = (int)threadIdx.x;
    float n = 0.0f;

    for (int p = id; p < a.points; p += LOSS_THREADS) {
        r->at[p] = to[p];
        r->on[p] = (uint8_t)element_bit(plane, p);
        n += (float)r->on[p];
        a.d_ownership[first + (size_t)p] = 0.0f;
        for (int k = 0; k < a.n_policy; k++)
            a.d_logits[(first + (size_t)p) * (size_t)a.n_policy + (size_t)k] = 0.0f;
    }
    if (id == 0)
        r->on[a.points] = !a.settings->loss.mask_pass;
    if (id < a.n_policy)
        a.d_pass[row * a.n_policy + id] = 0.0f;
    if (id < NN_N_VALUE)
        a.d_value[row * NN_N_VALUE + id] = 0.0f;
    if (id < a.n_score)
        a.d_score[row * a.n_score + id] = 0.0f;
    if (id < NN_METRICS)
        r->metrics[id] = 0.0f;
    return (int)block_sum(n, r->scratch); /* and a barrier behind the zeros */
}

static __global__ void loss_kernel(struct loss_args a)
{
    __shared__ struct loss_row r;
    int row = (int)blockIdx.x, n_on = start_row(a, &r, row);
    float total = policy_losses(a, &r, row);

    total += ownership_loss(a, &r, row, n_on);
    if (threadIdx.x == 0) {
        total += small_losses(a, &r, row);
        r.metrics[NN_METRIC_TOTAL] = total;
        r.metrics[NN_METRIC_ROWS] = a.t.row_weight[row];
        for (int i = 0; i < NN_METRICS; i++)
            a.row_metrics[row * NN_METRICS + i] = r.metrics[i];
    }
}

void launch_loss(const struct loss_args *a, cudaStream_t stream)
{
    LAUNCH(loss_kernel, a->rows, LOSS_THREADS, 0, stream, *a);
}

/* Sixteen columns (a metric each) of sixteen threads. */
enum { METRIC_LINES = 16 };

static __global__ void metrics_kernel(int rows, const float *row_metrics, float *sums)
{
    __shared__ double scratch[METRIC_LINES * METRIC_LINES];
    int metric = (int)threadIdx.x % METRIC_LINES, line = (int)threadIdx.x / METRIC_LINES;
    double sum = 0.0;

    if (metric < NN_METRICS)
        for (int r = line; r < rows; r += METRIC_LINES)
            sum += (double)row_metrics[r * NN_METRICS + metric];
    scratch[threadIdx.x] = sum;
    __syncthreads();
    if (line == 0 && metric < NN_METRICS) {
        for (int k = 1; k < METRIC_LINES; k++)
            sum += scratch[k * METRIC_LINES + metric];
        sums[metric] += (float)sum;
    }
}

void launch_metrics(int rows, const float *row_metrics, float *sums, cudaStream_t stream)
{
    static_assert((int)NN_METRICS <= (int)METRIC_LINES, "a column per metric");
    LAUNCH(metrics_kernel, 1, METRIC_LINES * METRIC_LINES, 0, stream, rows, row_metrics, sums);
}
