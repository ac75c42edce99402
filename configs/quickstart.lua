-- quickstart.lua: from nothing to a network that plays 9x9 Go better than chance, on two CPU cores,
-- in about ten minutes.
--
--   mpirun -n 2 tengen train configs/quickstart.lua
--   tengen status runs/quickstart
--   tengen gtp --net runs/quickstart/net/net-000030.tgn     (play it, in any Go program)
--
-- This file is a Lua script that returns a table. Change a number and run it again, or leave the file
-- alone and say it on the command line: --set search.visits=64. `tengen help config` lists every key
-- with its range and default; a misspelt key is an error that names the one you meant.
local schedule = require "schedule" -- lua/schedule.lua: curves over the iterations

return {
    name = "quickstart",
    seed = 1,        -- the same seed gives the same games, on any number of ranks
    iterations = 30, -- rounds of self-play and training

    game = { kind = "go", size = 9, komi = 7, rules = "tromp-taylor" },

    net = "b3c32", -- 3 blocks of 32 channels: small enough for a CPU

    selfplay = {
        games = 64,          -- per iteration, over all ranks
        parallel_games = 32, -- at once on each rank: their positions share one batch
        cheap_share = 0.75,  -- three of four moves are searched quickly ...
        cheap_visits = 12,   -- ... to reach the end of many games; only full searches teach the policy
        max_plies = 162,     -- beginners' games can last for ever: score them as they stand
    },

    search = { visits = 48 },

    replay = {
        capacity = 100000, -- rows: the window that training draws from ...
        window_min = 5000, -- ... starts small and grows with what was played
    },

    train = {
        batch = 128,
        min_rows = 1000,
        rows_per_new_row = 12, -- a small network learns faster than two cores can play
        learning_rate = schedule.cosine { from = 2e-3, to = 2e-4, over = 30 },
    },

    -- Every tenth iteration the newest network plays 20 games against the champion: shown as its rating.
    gate = { every = 10, games = 20, visits = 32 },
}
