-- gomoku15.lua: freestyle Gomoku (five or more in a row) on 15x15, the board of the Gomocup.
--
--   mpirun -n 4 tengen train configs/gomoku15.lua
--
-- The first player wins freestyle Gomoku with good play, so games start with a few random moves: else the
-- network would learn one opening and nothing about defending.
local schedule = require "schedule"

return {
    name = "gomoku15",
    iterations = 200,

    game = { kind = "gomoku", size = 15, rules = "freestyle", history = 3 },
    net = "b6c96",

    selfplay = {
        games = 1000,
        parallel_games = 256,
        cheap_share = 0.5, -- games are short (30 to 60 moves): fewer cheap moves than in Go
        cheap_visits = 50,
        opening_plies = 6,
    },
    search = {
        visits = 300,
        proven = true, -- a forced win that the tree has found is played
        temp_early = 1,
        temp_late = 0.2,
        temp_halflife = 10,
    },
    replay = { capacity = 1000000, window_min = 50000 },
    train = {
        batch = 256,
        min_rows = 5000,
        learning_rate = schedule.cosine { from = 1e-3, to = 5e-5, over = 200 },
    },
    gate = { every = 5, games = 100, opening_plies = 6 },
}
