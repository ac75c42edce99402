-- alphazero.lua: self-play and training as in AlphaZero (Silver et al., Science 2018): every move gets a
-- full search, the latest network plays, targets are visits and outcome alone.
--
--   local merge, alphazero = require "merge", require "alphazero"
--   return merge(alphazero.selfplay, { game = { kind = "go", size = 9 }, net = "b10c128" })
--
-- Sizes are those of 19x19 Go on thousands of devices; a small run wants smaller ones.
local schedule = require "schedule"

local alphazero = {}

alphazero.selfplay = {
    selfplay = {
        cheap_share = 0,
        policy_surprise = 0,
        use_candidate = true,
        resign_value = 0.9,
        resign_holdout = 0.1, -- one game in ten plays on, to measure how often resigning was wrong
    },
    search = {
        visits = 800,
        c_puct = 1.25,        -- 1.25 + ln((N + 19652) / 19652)
        c_puct_log = 1,
        c_puct_base = 19652,
        fpu_reduction = 0,
        root_fpu_reduction = 0,
        noise_weight = 0.25,
        noise_alpha = 0.03,   -- 0.3 in chess, 0.15 in shogi: about ten over the number of legal moves
        noise_shaped = false,
        root_temp_early = 1,
        root_temp_late = 1,
        forced_k = 0,
        prune_targets = false,
        temp_early = 1,       -- thirty plies by visits, then the most visited move
        temp_late = 0,
        temp_plies = 30,
        move_prune_visits = 0,
        score_weight = 0,
        reuse_tree = true,
    },
    train = {
        loss = "classic",
        optimiser = "sgd",
        momentum = 0.9,
        weight_decay = 1e-4,
        ema = 0,              -- the trained parameters themselves play
    },
    replay = { window_alpha = 0 }, -- first in, first out
    gate = { enabled = false },
}

-- 0.2, 0.02, 0.002, 0.0002 over four stretches of a run; for batches of 4096, hence the factor.
function alphazero.learning_rate(iterations, batch)
    local scale = batch / 4096
    local part = iterations // 4 > 0 and iterations // 4 or 1
    return schedule.step { from = 0.2 * scale, factor = 0.1, every = part }
end

return alphazero
