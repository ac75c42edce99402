-- gomoku9-captures.lua: Gomoku with captures on 9x9, small enough for a machine without a GPU: the place to
-- try things before gomoku19-captures.lua.
--
--   mpirun -n 2 tengen train configs/gomoku9-captures.lua
--
-- A pair between two stones of the mover is captured; five pairs win, as do five in a row; a move that
-- makes two open threes is forbidden to both sides.
return {
    name = "gomoku9-captures",
    iterations = 60,

    game = { kind = "gomoku", size = 9, rules = "captures-engine", history = 3 },
    net = "b4c48",

    selfplay = {
        games = 150,
        parallel_games = 32,
        cheap_share = 0.5,
        cheap_visits = 20,
        opening_plies = 4,
    },
    search = { visits = 80, temp_early = 1, temp_late = 0.2, temp_halflife = 10 },
    replay = { capacity = 200000, window_min = 10000 },
    train = { batch = 128, min_rows = 2000, learning_rate = 1e-3 },
    gate = { every = 5, games = 40, opening_plies = 4 },
}
