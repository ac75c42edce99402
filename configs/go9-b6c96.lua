-- go9-b6c96.lua: a strong 9x9 Go network on one machine with a GPU.
--
--   mpirun -n 4 tengen train configs/go9-b6c96.lua
--
-- The settings of self-play and training are KataGo's (lua/katago.lua); what follows is what one machine
-- and 9x9 want otherwise. One network, all rules and sizes: komi and rules vary from game to game.
local merge, katago, schedule = require "merge", require "katago", require "schedule"

return merge(katago.selfplay, {
    name = "go9-b6c96",
    iterations = 300,

    game = {
        kind = "go",
        size = 9,
        sizes = katago.sizes_to_9,
        komi = 7,
        komi_stdev = 1,
        random_rules_share = 0.5, -- half of the games by drawn ko, suicide and tax rules
    },
    net = "b6c96",

    selfplay = {
        games = 2000,
        parallel_games = 512, -- per rank; half of them are one batch of the GPU
        cheap_visits = 60,
    },
    search = {
        visits = 300, -- 9x9 needs fewer than KataGo's 600
    },
    replay = { window_min = 100000, capacity = 5000000 },
    train = {
        min_rows = 20000,
        warmup_steps = 2000,
        -- the last third of the run settles
        learning_rate = schedule.linear {
            from = 6e-5 * 256, to = 6e-5 * 256, over = 200,
            next = schedule.cosine { from = 6e-5 * 256, to = 3e-6 * 256, over = 100 },
        },
    },
    gate = { every = 10 },
})
