-- katago.lua: self-play and training as in KataGo (Wu, "Accelerating Self-Play Learning in Go", 2019, and
-- the selfplay1 settings of its later runs), as far as Tengen has the same parts.
--
--   local merge, katago = require "merge", require "katago"
--   return merge(katago.selfplay, { game = { kind = "go", size = 19 }, net = "b10c128" })
--
-- Left out: its policy-drawn openings, forks, side positions, handicap games and uneven visits.
local katago = {}

katago.selfplay = {
    selfplay = {
        -- Playout-cap randomisation: three of four moves are searched cheaply; they end games sooner and
        -- teach the value, and only full searches teach the policy.
        cheap_share = 0.75,
        cheap_visits = 100,
        policy_surprise = 0.5,   -- half of a game's weight goes where the search surprised the network
        end_when_decided = true,
        resign_value = 0,        -- nobody resigns: score and ownership are learned from finished boards
        use_candidate = true,    -- the newest network plays
    },
    search = {
        visits = 600,
        c_puct = 1.1,
        c_puct_log = 0,
        fpu_reduction = 0.2,
        root_fpu_reduction = 0,
        noise_weight = 0.25,
        noise_alpha = 0,
        noise_total = 10.83,     -- 0.03 per point of 19x19
        noise_shaped = true,     -- half of it where the policy is not hopeless
        root_temp_early = 1.25,  -- flattens the policy at the root, so that good moves are not forgotten
        root_temp_late = 1.1,
        forced_k = 2,            -- every tried root move gets some visits ...
        prune_targets = true,    -- ... which are taken out of the target if they showed nothing
        temp_early = 0.75,
        temp_late = 0.15,
        temp_halflife = 19,
        move_prune_visits = 1,
        score_weight = 0.1,
        reuse_tree = false,      -- a full search starts afresh, with its own noise
    },
    replay = {
        -- rows in the window: 250 thousand at first, 22 million after 241 million
        window_min = 250000,
        window_alpha = 0.75,
        window_beta = 0.4,
        capacity = 22000000,
    },
    train = {
        loss = "katago",
        optimiser = "sgd",
        momentum = 0.9,
        batch = 256,
        learning_rate = 6e-5 * 256, -- 6e-5 per sample: here the rate is that of the batch's mean
        warmup_steps = 8000,        -- two million samples
        clip_norm = 10,             -- 2500 of a gradient summed over 256
        weight_decay = 3e-5,
        rows_per_new_row = 4,
        min_rows = 100000,
        ema = 0.9996,               -- about one eighth per 80 thousand samples
    },
    gate = { games = 200, visits = 150, min_score = 0.5 },
}

-- The paper's growth of the search: (visits, cheap visits) by rows made. For curriculum:
--   curriculum = function(iteration, stats) return katago.growth(stats.rows) end
local grown = 0
function katago.growth(rows)
    local stage = rows < 25e6 and 1 or 2
    if stage == grown then
        return nil -- nothing new to say
    end
    grown = stage
    return {
        search = { visits = stage == 1 and 600 or 1000 },
        selfplay = { cheap_visits = stage == 1 and 100 or 200 },
    }
end

-- Board sizes of its runs: 19x19 in about a third of the games, 7x7 to 18x18 in the rest.
katago.sizes_to_19 = {
    { 7, weight = 1 }, { 8, weight = 1 }, { 9, weight = 10 }, { 10, weight = 3 }, { 11, weight = 4 },
    { 12, weight = 4 }, { 13, weight = 12 }, { 14, weight = 4 }, { 15, weight = 5 }, { 16, weight = 6 },
    { 17, weight = 7 }, { 18, weight = 8 }, { 19, weight = 35 },
}
-- For a network of 9x9 alone: smaller boards and rectangles as a spice.
katago.sizes_to_9 = {
    { 7, weight = 1 }, { 8, weight = 1 }, { 9, weight = 8 }, { 7, 9, weight = 0.5 }, { 9, 8, weight = 0.5 },
}

return katago
