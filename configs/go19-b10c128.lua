-- go19-b10c128.lua: 19x19 Go on a handful of GPUs; strong amateur after days, beyond that after a week.
--
--   sbatch jobs/train.sbatch configs/go19-b10c128.lua
--
-- All sizes from 7x7 to 19x19 share one network: small boards teach the early game of learning cheaply.
local merge, katago, schedule = require "merge", require "katago", require "schedule"

return merge(katago.selfplay, {
    name = "go19-b10c128",
    iterations = 1000,

    game = {
        kind = "go",
        size = 19,
        sizes = katago.sizes_to_19,
        komi_stdev = 1,
        random_rules_share = 0.5,
    },
    net = "b10c128",

    selfplay = { games = 4000, parallel_games = 512 },
    train = {
        learning_rate = schedule.linear {
            from = 6e-5 * 256, to = 6e-5 * 256, over = 800,
            next = schedule.cosine { from = 6e-5 * 256, to = 6e-6 * 256, over = 200 },
        },
    },
    gate = { every = 10 },
    cluster = { trainers = "1/host" }, -- one rank of each host trains while the others play

    curriculum = function(iteration, stats)
        return katago.growth(stats.rows) -- 600 visits, 1000 after 25 million rows
    end,
})
