/* options.c - the table, in the order in which help shows it. */
#include "options.h"

#define STORE_OF(field)                                                                            \
    _Generic(((struct settings *)0)->field, int: STORE_INT, int64_t: STORE_I64,                    \
             uint64_t: STORE_U64, float: STORE_FLOAT, bool: STORE_BOOL, uint8_t: STORE_U8,         \
             int16_t: STORE_I16, char *: STORE_TEXT, default: STORE_OTHER)
#define ROW(key_, type_, field, flags_, doc_)                                                      \
    .key = (key_), .type = (type_), .store = STORE_OF(field), .flags = (flags_),                   \
    .offset = offsetof(struct settings, field), .bytes = sizeof ((struct settings *)0)->field,     \
    .doc = (doc_)

#define INTEGER(key, field, lo, hi, def_, flags, doc)                                              \
    {ROW(key, OPTION_INTEGER, field, flags, doc), .low = (lo), .high = (hi), .def = (def_)}
#define NUMBER(key, field, lo, hi, def_, flags, doc)                                               \
    {ROW(key, OPTION_NUMBER, field, flags, doc), .low = (lo), .high = (hi), .def = (def_)}
#define BOOLEAN(key, field, def_, flags, doc)                                                      \
    {ROW(key, OPTION_BOOL, field, flags, doc), .high = 1, .def = (def_)}
#define CHOICE(key, field, names_, def_, flags, doc)                                               \
    {ROW(key, OPTION_ENUM, field, flags, doc), .def = (def_), .names = (names_)}
#define TEXT(key, field, def_, names_, doc)                                                        \
    {ROW(key, OPTION_TEXT, field, 0, doc), .def_text = (def_), .names = (names_)}
/* Derived ones: what they follow from stands in place of a default. */
#define D_INTEGER(key, field, lo, hi, from, flags, doc)                                            \
    {ROW(key, OPTION_INTEGER, field, (flags) | OPTION_DERIVED, doc), .low = (lo), .high = (hi),    \
     .def_text = (from)}
#define D_NUMBER(key, field, lo, hi, from, flags, doc)                                             \
    {ROW(key, OPTION_NUMBER, field, (flags) | OPTION_DERIVED, doc), .low = (lo), .high = (hi),     \
     .def_text = (from)}
#define D_BOOLEAN(key, field, from, flags, doc)                                                    \
    {ROW(key, OPTION_BOOL, field, (flags) | OPTION_DERIVED, doc), .high = 1, .def_text = (from)}
#define D_CHOICE(key, field, names_, from, flags, doc)                                             \
    {ROW(key, OPTION_ENUM, field, (flags) | OPTION_DERIVED, doc), .names = (names_),               \
     .def_text = (from)}
#define D_OTHER(key, type, field, lo, hi, from, flags, doc)                                        \
    {ROW(key, type, field, (flags) | OPTION_DERIVED, doc), .low = (lo), .high = (hi),              \
     .def_text = (from)}

enum { V = OPTION_VARIES, GO = OPTION_GO | OPTION_VARIES, GOMOKU = OPTION_GOMOKU | OPTION_VARIES };
#define BIG 9007199254740992.0 /* 2^53: every whole number up to it is exact */

#define NAMES(...) (const char *const[]){__VA_ARGS__, NULL}
#define SEARCH(name) o.selfplay.settings.search.name
#define RULES(name) o.game.setups.base.name
#define GATE(name) o.gate.gate.name

const struct option options[] = {
    TEXT("name", o.name, "run", NULL, "name of the run, in reports and network names"),
    INTEGER("seed", o.seed, 0, BIG, 1, 0, "key of all randomness: same seed and config, same run"),
    INTEGER("iterations", o.iterations, 1, 1e9, 100, 0,
            "length of the run; an iteration is one round of self-play and training"),

    CHOICE("game.kind", o.game.kind, NAMES("go", "gomoku"), GAME_GO, 0,
           "which game; gomoku is any m,n,k game, tic-tac-toe too"),
    INTEGER("game.size", o.game.size, 2, GAME_MAX_SIZE, 9, 0,
            "side of the largest board; the network's inputs have this size"),
    INTEGER("game.history", o.game.history, 0, GAME_RECENT, 5, OPTION_GOMOKU,
            "input planes of past moves"),
    D_OTHER("game.sizes", OPTION_SIZES, o.game.setups.sizes, 2, GAME_MAX_SIZE, "game.size alone", V,
            "boards to play on: {9, 13, {19, weight = 3}, {9, 13}}; one is drawn per game"),
    D_OTHER("game.komi", OPTION_HALVES, RULES(go.komi2), -150, 150, "7.5", GO,
            "points for White"),
    NUMBER("game.komi_stdev", o.game.setups.komi_stdev, 0, 30, 0, GO,
           "komi is drawn around game.komi with this standard deviation, in points"),
    NUMBER("game.random_rules_share", o.game.setups.random_rules_share, 0, 1, 0, GO,
           "share of the games with ko, suicide and tax rules drawn at random"),

    {ROW("game.rules.name", OPTION_TEXT, via.rules, V,
         "named rules; \"\": tromp-taylor or freestyle. go: tromp-taylor, chinese, japanese, korean, "
         "aga, new-zealand and more; gomoku: freestyle, standard, captures-engine, captures-subject"),
     .def_text = ""},
    D_CHOICE("game.rules.ko", RULES(go.ko), NAMES("simple", "positional", "situational"),
             "as the named rules say", GO, "which repetitions are forbidden"),
    D_CHOICE("game.rules.scoring", RULES(go.scoring), NAMES("area", "territory"),
             "as the named rules say", GO, "what counts as a point"),
    D_CHOICE("game.rules.tax", RULES(go.tax), NAMES("none", "seki", "all"), "as the named rules say", GO,
             "eyes that count nothing: those in seki, or two of every group"),
    D_BOOLEAN("game.rules.suicide", RULES(go.suicide), "as the named rules say", GO,
              "several stones may be given up by filling their last liberty"),
    D_BOOLEAN("game.rules.button", RULES(go.button), "as the named rules say", GO,
              "the first pass takes half a point (area scoring)"),
    D_INTEGER("game.rules.goal", RULES(gomoku.goal), 2, GAME_MAX_SIZE, "as the named rules say", GOMOKU,
              "that many in a row win"),
    D_BOOLEAN("game.rules.exact_five", RULES(gomoku.exact_five), "as the named rules say", GOMOKU,
              "a longer row does not win"),
    D_BOOLEAN("game.rules.captures", RULES(gomoku.captures), "as the named rules say", GOMOKU,
              "a pair between two of the mover's stones is taken off the board"),
    D_INTEGER("game.rules.capture_goal", RULES(gomoku.capture_goal), 0, 20, "as the named rules say",
              GOMOKU, "that many captured pairs win; 0: none do"),
    D_CHOICE("game.rules.double_three", RULES(gomoku.double_three),
             NAMES("free", "renju", "literal"), "as the named rules say", GOMOKU,
             "a move that makes two open threes: allowed, or forbidden to both by either reading"),
    D_BOOLEAN("game.rules.capture_exempts", RULES(gomoku.capture_exempts), "as the named rules say",
              GOMOKU, "a double-three that captures is allowed"),
    D_BOOLEAN("game.rules.breakable_five", RULES(gomoku.breakable_five), "as the named rules say", GOMOKU,
              "a row wins only if no capture can break it"),
    D_INTEGER("game.rules.black_pairs", RULES(gomoku.start_pairs[0]), 0, 19, "as the named rules say",
              GOMOKU, "pairs that Black owns at the start"),
    D_INTEGER("game.rules.white_pairs", RULES(gomoku.start_pairs[1]), 0, 19, "as the named rules say",
              GOMOKU, "pairs that White owns at the start"),

    TEXT("net.preset", via.preset, "b6c96", NULL,
         "b6c96, b10c128, b15c192, b18c384nbt, b20c256, b40c256; for CPUs b2c16, b3c32, b4c48, b5c64"),
    D_INTEGER("net.channels", o.net.arch.trunk, 1, 4096, "as the preset says", 0,
              "width of the tower; with net.blocks it makes a shape of your own"),
    D_OTHER("net.blocks", OPTION_BLOCKS, o.net.arch.blocks, 1, NN_MAX_BLOCKS, "as the preset says", 0,
            "a number (every third block pools), or a list of \"residual\", \"gpool\", \"nested\" or "
            "tables {\"gpool\", mid = 64, pooled = 32}, {\"nested\", mid = 64, {\"gpool\", \"residual\"}}"),
    D_INTEGER("net.stem", o.net.arch.stem, 1, 5, "as the preset says", 0,
              "side of the first convolution: 1, 3 or 5"),
    D_CHOICE("net.activation", o.net.arch.activation, NAMES("identity", "relu", "mish", "silu"),
             "as the preset says", 0, "activation function"),
    D_INTEGER("net.policy_channels", o.net.arch.p1, 1, 2048, "as the preset says", 0,
              "policy head: channels on the board"),
    D_INTEGER("net.policy_pooled", o.net.arch.g1, 1, 2048, "as the preset says", 0,
              "policy head: channels that are pooled"),
    D_INTEGER("net.value_channels", o.net.arch.v1, 1, 2048, "as the preset says", 0,
              "value head: channels on the board"),
    D_INTEGER("net.value_hidden", o.net.arch.v2, 1, 2048, "as the preset says", 0,
              "value head: hidden units"),
    TEXT("net.backend", o.net.backend, "auto", NAMES("auto", "cpu", "cuda", "simulated"),
         "what computes the network; auto: a GPU if there is one"),
    TEXT("net.backend_option", o.net.extra, "", NULL,
         "the backend's own option: simulated: a device table, PATH or PATH,slow=FACTOR; cuda: bf16, fp16, "
         "fp32, bf16-plain or fp16-plain (nothing is fused, so nothing is compiled) and, behind a colon, a folder for plans"),
    TEXT("net.start_from", o.net.start_from, "", NULL,
         "a network file to start from (ours or KataGo's), in place of random parameters"),

    INTEGER("selfplay.games", o.selfplay.games, 1, 1e9, 200, V, "games per iteration, over all ranks"),
    INTEGER("selfplay.parallel_games", o.selfplay.parallel_games, 1, 65536, 64, 0,
            "games at once per rank: about the batch of the device, twice"),
    INTEGER("selfplay.threads", o.selfplay.threads, 0, 1024, 0, 0,
            "worker threads per rank; 0: the host's cores shared among its ranks"),
    NUMBER("selfplay.cheap_share", o.selfplay.settings.cheap_share, 0, 1, 0.75, V,
           "share of the moves that get a cheap search, which is no policy target"),
    INTEGER("selfplay.cheap_visits", o.selfplay.settings.cheap_visits, 1, 1e6, 32, V,
            "visits of a cheap search"),
    BOOLEAN("selfplay.record_cheap", o.selfplay.settings.record_cheap, 0, V,
            "keep rows of cheap searches too, as value targets"),
    INTEGER("selfplay.opening_plies", o.selfplay.settings.opening_plies, 0, 400, 0, V,
            "a game starts with 0 up to this many uniformly random moves"),
    BOOLEAN("selfplay.opening_exact", o.selfplay.settings.opening_exact, 0, V,
            "it starts with exactly that many"),
    NUMBER("selfplay.random_move_share", o.selfplay.settings.random_move_share, 0, 1, 0, V,
           "share of the later moves that are uniformly random (searched all the same)"),
    NUMBER("selfplay.resign_value", o.selfplay.settings.resign_value, 0, 1, 0, V,
           "resign when two searches of one's own in turn show a value below minus this; 0: never"),
    INTEGER("selfplay.resign_min_ply", o.selfplay.settings.resign_min_ply, 0, GAME_MAX_PLIES, 20, V,
            "no resignation before this ply"),
    NUMBER("selfplay.resign_holdout", o.selfplay.settings.resign_holdout, 0, 1, 0.1, V,
           "share of the games that play on, to count wrong resignations"),
    INTEGER("selfplay.max_plies", o.selfplay.settings.max_plies, 0, GAME_MAX_PLIES, 0, V,
            "a game is scored as it stands at this ply; 0: only at 1600"),
    BOOLEAN("selfplay.end_when_decided", o.selfplay.settings.end_when_decided, 1, V,
            "end a game that no move can change any more"),
    NUMBER("selfplay.policy_surprise", o.selfplay.settings.policy_surprise, 0, 1, 0.5, V,
           "share of the row weights given to the moves that surprised the network"),
    NUMBER("selfplay.random_bot_share", o.selfplay.mix.random_bot, 0, 1, 0, V,
           "share of the games against a player of random moves"),
    NUMBER("selfplay.previous_share", o.selfplay.mix.previous, 0, 1, 0, V,
           "share of the games against an older champion (without a gate every network was one)"),
    INTEGER("selfplay.past_window", o.selfplay.past_window, 1, 1e6, 5, V,
            "how many older champions those are drawn from"),
    NUMBER("selfplay.max_age", o.selfplay.max_age, 0.1, 1e6, 2, V,
           "continuous mode: where the rows' networks are older than this on average, in networks "
           "published since, fewer games are played at once"),
    BOOLEAN("selfplay.use_candidate", o.selfplay.use_candidate, 1, V,
            "the newest network plays; false: the one that last passed the gate"),

    INTEGER("search.visits", SEARCH(visits), 1, 1e6, 160, V, "visits of a full search"),
    NUMBER("search.c_puct", SEARCH(c_puct), 0, 100, 1.1, V,
           "exploration: c = c_puct + c_puct_log * ln((N + c_puct_base) / c_puct_base)"),
    NUMBER("search.c_puct_log", SEARCH(c_puct_log), 0, 100, 0, V, "its growth with the visits N"),
    NUMBER("search.c_puct_base", SEARCH(c_puct_base), 1, 1e9, 500, V,
           "visits at which the growth sets in (AlphaZero: 19652)"),
    NUMBER("search.fpu_reduction", SEARCH(fpu_reduction), 0, 10, 0.2, V,
           "a move not yet visited is worth its parent less this times sqrt(visited prior)"),
    NUMBER("search.root_fpu_reduction", SEARCH(root_fpu_reduction), 0, 10, 0, V,
           "the same at the root"),
    NUMBER("search.noise_weight", SEARCH(noise_weight), 0, 1, 0.25, V,
           "weight of the Dirichlet noise at the root; 0: none"),
    NUMBER("search.noise_alpha", SEARCH(noise_alpha), 0, 100, 0, V,
           "its concentration per legal move; 0: noise_total shared among them"),
    NUMBER("search.noise_total", SEARCH(noise_total), 0.001, 10000, 10.83, V,
           "its total concentration, where noise_alpha is 0"),
    BOOLEAN("search.noise_shaped", SEARCH(noise_shaped), 1, V,
            "half of the concentration follows the policy"),
    NUMBER("search.root_temp_early", SEARCH(root_temp_early), 0.1, 10, 1.25, V,
           "temperature of the root's policy at the start of a game"),
    NUMBER("search.root_temp_late", SEARCH(root_temp_late), 0.1, 10, 1.1, V,
           "and later, with half-life temp_halflife"),
    NUMBER("search.forced_k", SEARCH(forced_k), 0, 100, 2, V,
           "forced playouts: a root move gets at least sqrt(k * prior * visits); 0: off"),
    BOOLEAN("search.prune_targets", SEARCH(prune_targets), 1, V,
            "take forced playouts out of the policy target again"),
    BOOLEAN("search.gumbel", SEARCH(gumbel), 0, V,
            "Gumbel search with sequential halving at the root: learns from few visits; its noise is scaled "
            "by the move temperature (take temp_early = 1)"),
    INTEGER("search.gumbel_considered", SEARCH(gumbel_considered), 1, GAME_MAX_ACTIONS, 16, V,
            "moves it considers at the root"),
    NUMBER("search.gumbel_c_visit", SEARCH(gumbel_c_visit), 0, 1e6, 50, V,
           "its scale of values: (c_visit + most visits) * c_scale"),
    NUMBER("search.gumbel_c_scale", SEARCH(gumbel_c_scale), 0, 1e3, 1, V, "see gumbel_c_visit"),
    NUMBER("search.temp_early", SEARCH(temp_early), 0, 10, 0.75, V,
           "moves are drawn by visits^(1 / temperature); this is it at the start of a game"),
    NUMBER("search.temp_late", SEARCH(temp_late), 0, 10, 0.15, V, "and later; 0: the most visited"),
    NUMBER("search.temp_halflife", SEARCH(temp_halflife), 0, 1000, 19, V,
           "half-life from early to late, in plies of a 19x19 game; 0: no decay"),
    INTEGER("search.temp_plies", SEARCH(temp_plies), 0, GAME_MAX_PLIES, 0, V,
            "temp_early before this ply, temp_late from it on; 0: by the half-life"),
    NUMBER("search.move_prune_visits", SEARCH(move_prune_visits), 0, 1e6, 1, V,
           "moves with fewer visits are not drawn"),
    NUMBER("search.score_weight", SEARCH(score_weight), 0, 1, 0.1, V,
           "weight of the score beside winning, where the game has one"),
    NUMBER("search.no_result_utility", SEARCH(no_result_utility), -1, 1, 0, V,
           "what a game without result is worth"),
    NUMBER("search.draw_value", SEARCH(draw_value), -1, 1, 0, V, "what a draw is worth to Black"),
    BOOLEAN("search.proven", SEARCH(proven), 1, V,
            "forced wins and losses found in the tree count as such"),
    BOOLEAN("search.reuse_tree", SEARCH(reuse_tree), 1, V, "keep the part of the tree that was played"),
    NUMBER("search.virtual_loss", SEARCH(virtual_loss), 0, 100, 1, V,
           "visits added per leaf in flight, where one tree has several"),
    BOOLEAN("search.avoid_early_pass", SEARCH(avoid_early_pass), 1, V,
            "never pass while that loses and another move is legal"),

    INTEGER("replay.capacity", o.replay.capacity, 1, 1e11, 500000, 0,
            "rows that are kept in memory: the window is the newest of them"),
    INTEGER("replay.window_max", o.replay.window_max, 0, 1e11, 0, V,
            "rows in the window at most; 0: the capacity"),
    NUMBER("replay.window_alpha", o.replay.window_alpha, 0, 1, 0.75, V,
           "the window grows with the rows made, N: min * (1 + beta * ((N / min)^alpha - 1) / alpha); "
           "0: it is as large as it may be"),
    NUMBER("replay.window_beta", o.replay.window_beta, 0, 1, 0.4, V, "see window_alpha"),
    INTEGER("replay.window_min", o.replay.window_min, 1, 1e11, 20000, V, "see window_alpha, in rows"),
    NUMBER("replay.priority_alpha", o.replay.alpha, 0, 1, 0, V,
           "rows are drawn by (value error + epsilon)^alpha; 0: all alike, and errors are not updated"),
    NUMBER("replay.priority_epsilon", o.replay.epsilon, 1e-6, 1, 1e-3, 0, "see priority_alpha"),
    TEXT("replay.pretrain", o.replay.pretrain, "", NULL,
         "a directory of imported games (tengen import --out): the first iteration learns from them in place "
         "of self-play"),
    INTEGER("replay.pretrain_steps", o.replay.pretrain_steps, 0, 1e9, 0, 0,
            "steps of that first iteration; 0: as many as one pass over its rows takes"),
    INTEGER("replay.chunk_rows", o.replay.chunk_rows, 16, 65536, 4096, 0, "rows per chunk of a shard"),
    CHOICE("replay.layout", o.replay.layout, NAMES("shared", "per_host"), REPLAY_SHARED, 0,
           "shared: all self-play ranks write one shard together; per_host: those of a host write one of their "
           "own, for file systems on which several hosts cannot write one file at once"),
    INTEGER("replay.align", o.replay.align, 0, 1 << 30, 0, 0,
            "what a rank writes of a shard begins at a multiple of so many bytes: the stripe size of the file "
            "system, so that no two ranks write to the same stripe; 0: nothing is left free"),
    INTEGER("replay.deflate", o.replay.deflate, 0, 9, 1, 0, "compression of shards; 0: none"),

    INTEGER("train.batch", o.train.batch, 1, 1 << 20, 256, V, "rows per step, over all ranks"),
    NUMBER("train.rows_per_new_row", o.train.rows_per_new_row, 0, 1000, 4, V,
           "rows to train on per row that self-play adds: sets the number of steps"),
    NUMBER("train.epochs", o.train.epochs, 0, 1000, 0, V,
           "passes over the whole window per iteration, in place of rows_per_new_row; 0: off"),
    INTEGER("train.max_steps", o.train.max_steps, 0, 1e9, 0, V, "steps per iteration at most; 0: no limit"),
    INTEGER("train.min_rows", o.train.min_rows, 0, 1e11, 2000, V, "rows in the window before training begins"),
    CHOICE("train.optimiser", o.train.optimiser, NAMES("sgd", "adam", "adamw"), NN_ADAMW, 0,
           "adam adds weight decay to the gradient, adamw takes it from the parameters"),
    NUMBER("train.learning_rate", o.train.learning_rate, 0, 100, 1e-3, V, "per mean gradient of a batch"),
    NUMBER("train.warmup_steps", o.train.warmup_steps, 0, 1e9, 100, 0,
           "first steps of the run, over which the rate grows from 0"),
    NUMBER("train.momentum", o.train.momentum, 0, 0.99999, 0.9, V, "of sgd; adam's beta 1"),
    NUMBER("train.beta2", o.train.beta2, 0, 0.9999999, 0.999, V, "adam's beta 2"),
    NUMBER("train.epsilon", o.train.epsilon, 1e-20, 1, 1e-8, V, "adam's epsilon"),
    NUMBER("train.weight_decay", o.train.weight_decay, 0, 100, 1e-4, V, "of convolutions and matrices"),
    BOOLEAN("train.decoupled", o.train.decoupled, 0, V, "sgd: decay outside the gradient"),
    NUMBER("train.clip_norm", o.train.clip_norm, 0, 1e9, 5, V,
           "longest gradient; a longer one is shortened to it; 0: no limit"),
    NUMBER("train.max_norm", o.train.max_norm, 0, 1e12, 0, V,
           "a gradient longer than this skips its step; 0: only one that is not finite does"),
    INTEGER("train.max_skipped", o.train.max_skipped, 1, 1e6, 10, V,
            "skipped steps in a row before training goes back to its checkpoint"),
    NUMBER("train.ema", o.train.ema, 0, 0.999999, 0.99, V,
           "the network that plays is a running average that keeps this share per step"),
    NUMBER("train.value_mix", o.train.value_mix, 0, 1, 0, V,
           "share of the search's value in the value target, beside the game's outcome"),
    NUMBER("train.importance_beta", o.train.draw_beta, 0, 1, 0.4, V,
           "how far importance weights undo priority_alpha; 1: wholly"),
    BOOLEAN("train.symmetries", o.train.symmetries, 1, V,
            "turn and mirror each drawn row by one of the 8 symmetries"),

    TEXT("train.loss.preset", via.loss, "katago", NAMES("katago", "classic"),
         "weights of the losses; katago: all heads; classic: policy, squared value error, 0.5 of the ownership's"),
    D_NUMBER("train.loss.policy", o.train.loss.policy, 0, 1000, "as the preset says", V, "the move to play"),
    D_NUMBER("train.loss.reply", o.train.loss.reply, 0, 1000, "as the preset says", V, "the opponent's reply"),
    D_NUMBER("train.loss.soft_policy", o.train.loss.soft_policy, 0, 1000, "as the preset says", V,
             "the policy target to the power 1/4"),
    D_NUMBER("train.loss.value", o.train.loss.value, 0, 1000, "as the preset says", V, "who wins"),
    D_NUMBER("train.loss.ownership", o.train.loss.ownership, 0, 1000, "as the preset says", V,
             "whose each point is at the end"),
    D_NUMBER("train.loss.score_mean", o.train.loss.score_mean, 0, 1000, "as the preset says", V, "final score"),
    D_NUMBER("train.loss.score_stdev", o.train.loss.score_stdev, 0, 1000, "as the preset says", V,
             "how far it is uncertain"),
    D_NUMBER("train.loss.lead", o.train.loss.lead, 0, 1000, "as the preset says", V, "lead in points"),
    D_CHOICE("train.loss.value_kind", o.train.loss.value_kind, NAMES("cross-entropy", "mse"),
             "as the preset says", V, "cross-entropy of win, loss and no result, or squared error of win - loss"),
    D_CHOICE("train.loss.ownership_kind", o.train.loss.ownership_kind,
             NAMES("cross-entropy", "mse"), "as the preset says", V, "of the ownership"),

    BOOLEAN("gate.enabled", GATE(enabled), 1, V, "a new network plays the champion, and may replace it"),
    INTEGER("gate.every", GATE(every), 1, 1e9, 5, V, "iterations between such matches"),
    INTEGER("gate.games", GATE(games), 2, 1e6, 40, V,
            "games of a match; even: each opening is played with both colours"),
    D_INTEGER("gate.visits", o.gate.match.settings.search.visits, 1, 1e6, "as search.visits", V,
              "visits of a search in a match"),
    INTEGER("gate.opening_plies", o.gate.match.settings.opening_plies, 0, 400, 4, V,
            "a match game starts with 0 up to this many random moves, the same for both colours"),
    NUMBER("gate.min_score", GATE(min_score), 0, 1, 0.55, V,
           "the new network becomes champion at this share of the points; a draw is half a point"),
    NUMBER("gate.min_baseline_score", GATE(min_baseline_score), 0, 1, 0, V,
           "and must reach this against the pinned baseline, which is network 0, what the run started "
           "from; 0: that is not played"),
    NUMBER("gate.max_blunder_increase", GATE(max_blunder_increase), 0, 1, 1, V,
           "and its share of blunders may be above the champion's by this; 1: any"),
    NUMBER("gate.blunder_threshold", GATE(blunder_threshold), 0.01, 2, 0.5, V,
           "a blunder lowers the mover's value (-1 to 1) by more than this"),
    BOOLEAN("gate.rollback", GATE(rollback), 0, V,
            "after a rejected network training goes back to the champion"),
    BOOLEAN("gate.sprt", GATE(sprt), 0, V,
            "stop as soon as a sequential test decides, after gate.games at the latest"),
    NUMBER("gate.sprt_elo0", GATE(sprt_elo0), -1000, 1000, 0, V, "rejected if the gain is this, in Elo"),
    NUMBER("gate.sprt_elo1", GATE(sprt_elo1), -1000, 1000, 35, V, "accepted if it is this"),
    NUMBER("gate.sprt_alpha", GATE(sprt_alpha), 0.0001, 0.4999, 0.05, V, "share of wrong acceptances"),
    NUMBER("gate.sprt_beta", GATE(sprt_beta), 0.0001, 0.4999, 0.05, V, "share of wrong rejections"),

    TEXT("cluster.trainers", o.cluster.trainers, "all", NULL,
         "which ranks train: all (every rank plays, then trains), a count, or a count per host: 1/host"),
    INTEGER("cluster.lag", o.cluster.lag, -1, 1, -1, 0,
            "0: play, then train; 1: train while the next games are played; "
            "-1: 0 where all ranks do both, else 1"),
    CHOICE("cluster.mode", o.cluster.mode, NAMES("lockstep", "continuous"), RUN_LOCKSTEP, 0,
           "lockstep: an iteration's games are played to their end by one network, and repeatable; "
           "continuous: games go on while new networks come, nobody waits"),
    BOOLEAN("cluster.rebalance", o.cluster.rebalance, 0, 0,
            "between iterations, ranks go over from the side that waits to the other, self-play or training; "
            "needs trainers of their own that train while games are played"),
    INTEGER("cluster.trainers_min", o.cluster.trainers_min, 1, 1e6, 1, 0,
            "it leaves so many trainers at least; counted as in cluster.trainers, over all or per host"),
    INTEGER("cluster.trainers_max", o.cluster.trainers_max, 0, 1e6, 0, 0, "and at most; 0: all ranks but one"),
    NUMBER("cluster.rebalance_margin", o.cluster.rebalance_margin, 0.01, 0.9, 0.15, 0,
           "share of the time that either side may wait without that ranks go over"),
    INTEGER("cluster.rebalance_patience", o.cluster.rebalance_patience, 1, 1e6, 3, 0,
            "iterations in a row that the same side must have waited longer than that"),
    CHOICE("cluster.on_usr1", o.cluster.on_usr1, NAMES("stop", "checkpoint", "status", "ignore"),
           RUN_ON_STOP, 0, "what SIGUSR1 asks for: save all and end with status 75; save all and go on; "
           "a line in the log; nothing"),
    CHOICE("cluster.on_usr2", o.cluster.on_usr2, NAMES("stop", "checkpoint", "status", "ignore"),
           RUN_ON_STATUS, 0, "the same of SIGUSR2"),
    CHOICE("cluster.on_term", o.cluster.on_term, NAMES("stop", "checkpoint", "status", "ignore"),
           RUN_ON_STOP, 0, "the same of SIGTERM"),
    CHOICE("cluster.on_int", o.cluster.on_int, NAMES("stop", "checkpoint", "status", "ignore"),
           RUN_ON_STOP, 0, "the same of SIGINT"),
    NUMBER("cluster.stop_margin_sec", o.cluster.stop_margin_sec, 0, 1e5, 20, 0,
           "a stop by the clock (--walltime, Slurm's end time) begins this long before it, and the time that "
           "opening the run took, and twice what saving, and a rank without looking up, took at most so far"),
    NUMBER("cluster.pulse_sec", o.cluster.pulse_sec, 0.01, 60, 0.5, 0,
           "how often all ranks hear of signals and of each other's counts"),
    NUMBER("cluster.watchdog_sec", o.cluster.watchdog_sec, 0, 1e6, 1800, 0,
           "end the job, naming the place, when a rank has waited so long for others of which one gives no sign of life, "
           "or whose work stands still; 0: never"),

    INTEGER("report.sgf_games", o.report.sgf_games, 0, 1e6, 4, V, "games per iteration kept as SGF"),
    INTEGER("report.keep_checkpoints", o.report.keep_checkpoints, 2, 1e6, 3, V,
            "training checkpoints kept; older ones are removed. manifest.json.bak names the last but one"),
    TEXT("report.log_level", o.report.log_level, "info", NAMES("error", "warn", "info", "debug"),
         "what the log shows"),
};
const int options_n = sizeof options / sizeof *options;
_Static_assert(sizeof options / sizeof *options <= OPTIONS_MAX, "raise OPTIONS_MAX");
