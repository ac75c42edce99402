-- go19-b40c256.lua: 19x19 Go with the large classic network, for an allocation of many GPUs.
--
--   sbatch jobs/train.sbatch configs/go19-b40c256.lua
--
-- Ask first what it will cost:  tengen plan configs/go19-b40c256.lua
-- The network is too slow to begin with: train b10c128 or b18c384nbt first if the allocation is small.
local merge, katago, schedule = require "merge", require "katago", require "schedule"

return merge(katago.selfplay, {
    name = "go19-b40c256",
    iterations = 6000,

    game = {
        kind = "go",
        size = 19,
        sizes = katago.sizes_to_19,
        komi_stdev = 1,
        random_rules_share = 0.5,
    },
    net = "b40c256",

    selfplay = { games = 10000, parallel_games = 1024 },
    train = {
        batch = 1024, -- over all trainers: large enough to be shared by many
        warmup_steps = 10000,
        learning_rate = schedule.linear {
            from = 3e-5 * 1024, to = 3e-5 * 1024, over = 4500,
            next = schedule.cosine { from = 3e-5 * 1024, to = 3e-6 * 1024, over = 1500 },
        },
    },
    gate = { every = 20 },
    cluster = { trainers = "1/host" },
    report = { sgf_games = 16, keep_checkpoints = 5 },

    curriculum = function(iteration, stats)
        return katago.growth(stats.rows)
    end,
})
