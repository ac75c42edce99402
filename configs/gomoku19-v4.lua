-- gomoku19-v4.lua: the longest production run of the public 19x19 Gomoku trainer that Tengen took as a
-- yardstick (its V4: 222 of 252 iterations), with its schedules. What its code did otherwise than its
-- documentation said is done as documented; each departure is marked with "Here:".
--
--   sbatch jobs/train.sbatch configs/gomoku19-v4.lua
--
-- The run was steered by hand, a config per day. Here the days stand in one table, and each option picks its
-- column. Up to and with iteration `upto`:
local days = {
    -- upto  visits games  rate    temp  noise alpha  plies window  random open bots  past  c_puct
    { 4,     200,   3000,  2e-3,   1.00, 0.25, 0.15,  20,   500e3,  0,     0,   0.05, 0.30, 2.0 }, -- day 0.5
    { 30,    200,   3000,  2e-3,   1.00, 0.25, 0.15,  20,   500e3,  0,     0,   0.05, 0.30, 2.0 }, -- day 1
    { 60,    400,   2500,  1e-3,   0.75, 0.25, 0.15,  20,   500e3,  0,     0,   0.00, 0.00, 2.0 }, -- day 2
    { 90,    600,   2000,  1e-3,   0.75, 0.30, 0.15,  20,   500e3,  0,     0,   0.00, 0.00, 2.0 }, -- day 2.5, 3
    { 100,   1000,  1800,  1e-3,   0.75, 0.30, 0.15,  20,   500e3,  0,     0,   0.00, 0.00, 2.0 }, -- day 3.5, 4
    { 104,   1600,  1800,  1e-3,   0.75, 0.30, 0.15,  20,   500e3,  0,     0,   0.00, 0.00, 2.0 }, -- day 4
    { 110,   1600,  1500,  1e-3,   0.75, 0.30, 0.15,  20,   500e3,  0,     0,   0.00, 0.00, 2.0 }, -- day 4.5
    { 137,   2400,  1200,  8e-4,   0.85, 0.35, 0.15,  25,   400e3,  0,     0,   0.00, 0.00, 2.0 }, -- day 5
    { 150,   1600,  1200,  1e-3,   1.10, 0.42, 0.15,  28,   450e3,  0,     0,   0.08, 0.25, 2.0 }, -- recover
    { 200,   800,   1200,  1e-3,   1.30, 0.50, 0.03,  30,   250e3,  0.02,  6,   0.08, 0.25, 2.0 }, -- recover 2, day 7
    { 208,   800,   1200,  1e-3,   1.30, 0.50, 0.03,  30,   250e3,  0.02,  4,   0.08, 0.25, 2.0 }, -- day 7
    { 216,   1000,  1200,  8e-4,   1.20, 0.45, 0.05,  25,   350e3,  0.01,  0,   0.06, 0.25, 2.0 }, -- day 8
    { 252,   1600,  1200,  1e-3,   1.20, 0.38, 0.03,  30,   250e3,  0,     4,   0.00, 0.25, 2.5 }, -- day 9
}

-- Column i of the table as a schedule.
local function column(i)
    local steps = {}
    for k, day in ipairs(days) do
        steps[k] = { upto = day[1], value = day[i] }
    end
    return steps
end

local tower = {}
for i = 1, 12 do
    tower[i] = "residual" -- twelve plain blocks, no pooling
end

return {
    name = "gomoku19-v4",
    iterations = 252,

    -- Captures of pairs, five pairs win, double-threes forbidden. Here: to both colours, in the search as
    -- everywhere (theirs forgot White in the search up to iteration 137, and threw the games away).
    game = { kind = "gomoku", size = 19, rules = "captures-engine", history = 5 },

    -- Here: no batch norm (ours has none), and KataGo's heads in place of 2 and 1 channels.
    net = { preset = "b10c128", channels = 128, blocks = tower },

    selfplay = {
        games = column(3),
        parallel_games = 256,
        cheap_share = 0,       -- every move gets the full search
        policy_surprise = 0,
        -- Here: random moves and opponents' moves are no policy targets (theirs stored them as such), and the
        -- target is the share of visits, not what temperature made of it.
        random_move_share = column(10),
        opening_plies = column(11),
        opening_exact = true,  -- all of that many
        random_bot_share = column(12),
        -- Here: against older champions, as documented (theirs: the last five networks, passed or not).
        previous_share = column(13),
        past_window = 5,
        -- The newest network plays, as it did there (the documentation said the champion).
        use_candidate = true,
        resign_value = 0,
    },

    search = {
        visits = column(2),
        c_puct = column(14),
        c_puct_log = 0,
        -- Here: a move not yet visited is worth what its parent is (theirs: 0, whatever the position).
        fpu_reduction = 0,
        root_fpu_reduction = 0,
        -- Here: the noise is really added, at the root of every search (on their production path it was not).
        noise_weight = column(6),
        noise_alpha = column(7),
        noise_shaped = false,
        root_temp_early = 1,
        root_temp_late = 1,
        forced_k = 0,
        prune_targets = false,
        temp_early = column(5), -- moves are drawn for so many plies, then the most visited is played
        temp_late = 0,
        temp_plies = column(8),
        move_prune_visits = 0,
        -- Here: one leaf at a time per tree (theirs took up to 64, most of them under virtual loss), and the
        -- played part of the tree is kept.
        reuse_tree = true,
    },

    replay = {
        capacity = 500000,
        window_alpha = 0, -- first in, first out
        window_max = column(9),
        -- Here: priorities are real (theirs were lost unread, all rows were drawn alike), and kept for the whole
        -- run: where theirs switched them off, importance weights undo the draw (train.importance_beta).
        priority_alpha = 0.6,
    },

    train = {
        loss = "classic",
        optimiser = "adam", -- with weight decay in the gradient
        learning_rate = column(4),
        weight_decay = 1e-4,
        batch = 512,
        epochs = 2,         -- over the whole window
        rows_per_new_row = 0,
        min_rows = 10000,   -- Here: heeded
        importance_beta = { { upto = 4, value = 1 }, { upto = 90, value = 0.4 }, { upto = 252, value = 1 } },
        -- Here: gradients are clipped and a bad one is skipped; the network that plays is a running average.
        clip_norm = 5,
        ema = 0.99,
        warmup_steps = 100,
    },

    gate = {
        every = 2,
        games = 40,         -- Here: 20 with each colour (theirs: Black in all 40 when distributed)
        min_score = 0.55,   -- 22 of 40: an equal network passes one time in three
        visits = { { upto = 110, value = 600 }, { upto = 137, value = 800 }, { upto = 252, value = 1000 } },
        -- Here: random openings from the start (up to iteration 137 theirs played about one game 40 times).
        opening_plies = 6,
        rollback = false,   -- a rejected network is trained on, as it was there
    },
}
