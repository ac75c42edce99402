-- gomoku9-captures.lua: Gomoku with captures on 9x9, for a machine without a GPU: the place to try things
-- before gomoku19-captures.lua. Twenty minutes on two cores (benchmarks/gomoku9.sh) are enough to see it learn.
--
--   mpirun -n 2 tengen train configs/gomoku9-captures.lua
--
-- A pair between two stones of the mover is captured; five pairs win, as do five in a row; a move that
-- makes two open threes is forbidden to both sides.
local schedule = require "schedule"

return {
    name = "gomoku9-captures",
    iterations = 100,

    game = { kind = "gomoku", size = 9, rules = "captures-engine", history = 3 },
    net = "b3c32",

    selfplay = {
        games = 100,
        parallel_games = 32,
        cheap_share = 0.5,
        cheap_visits = 16,
        opening_plies = 4, -- else all games begin alike, and only one opening is learned
    },
    search = { visits = 64, temp_early = 1, temp_late = 0.2, temp_halflife = 10 },
    replay = { capacity = 100000, window_min = 5000 },
    train = {
        batch = 128,
        min_rows = 1000,
        rows_per_new_row = 12, -- a small network learns faster than two cores can play
        learning_rate = schedule.cosine { from = 2e-3, to = 2e-4, over = 100 },
    },
    gate = { every = 10, games = 20, opening_plies = 4 },
}
