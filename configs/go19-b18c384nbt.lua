-- go19-b18c384nbt.lua: 19x19 Go with KataGo's nested-bottleneck network: 18 blocks, 384 channels, mish.
-- About the strength of b40c256 at two thirds of its cost.
--
--   sbatch jobs/train.sbatch configs/go19-b18c384nbt.lua
--
-- To go on from a network of KataGo's own instead of from nothing:
--   --set net.start_from=path/to/kata1-b18c384nbt.bin.gz
local merge, katago, schedule = require "merge", require "katago", require "schedule"

return merge(katago.selfplay, {
    name = "go19-b18c384nbt",
    iterations = 4000,

    game = {
        kind = "go",
        size = 19,
        sizes = katago.sizes_to_19,
        komi_stdev = 1,
        random_rules_share = 0.5,
    },
    net = "b18c384nbt",

    selfplay = { games = 8000, parallel_games = 1024 },
    train = {
        batch = 512,
        warmup_steps = 16000,
        -- 6e-5 per sample for most of the run, a tenth of it at the end
        learning_rate = schedule.linear {
            from = 6e-5 * 512, to = 6e-5 * 512, over = 3000,
            next = schedule.cosine { from = 6e-5 * 512, to = 6e-6 * 512, over = 1000 },
        },
    },
    gate = { every = 20 },
    cluster = { trainers = "1/host" },

    curriculum = function(iteration, stats)
        return katago.growth(stats.rows)
    end,
})
