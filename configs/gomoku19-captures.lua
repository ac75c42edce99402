-- gomoku19-captures.lua: Gomoku with captures and forbidden double-threes on 19x19, the game of
-- gomoku19-v4.lua, set up as we would today: cheap and full searches mixed, forced playouts, a network with
-- global pooling, no epochs over the whole window.
--
--   sbatch jobs/train.sbatch configs/gomoku19-captures.lua
--
-- For the rules of the subject (a five that a capture can break does not win yet; a double-three that
-- captures is allowed):  --set game.rules=captures-subject
local schedule = require "schedule"

return {
    name = "gomoku19-captures",
    iterations = 250,

    game = { kind = "gomoku", size = 19, rules = "captures-engine", history = 5 },
    net = "b10c128",

    selfplay = {
        games = 2000,
        parallel_games = 512,
        cheap_share = 0.6,
        cheap_visits = 80,
        opening_plies = 6,     -- 0 to 6 random moves: many openings, without a lost first half
        random_bot_share = schedule.steps { 20, 0.05, 21, 0 }, -- only while that teaches something
        previous_share = 0.1,  -- against older champions: what was learned is not forgotten
    },
    search = {
        visits = schedule.steps { 30, 200, 80, 400, 250, 800 },
        c_puct = 1.5,
        temp_early = 1,
        temp_late = 0.2,
        temp_halflife = 15,
    },
    replay = {
        capacity = 3000000,
        window_min = 150000,
        priority_alpha = 0.5, -- positions that the value head misjudged are drawn more often
    },
    train = {
        batch = 512,
        min_rows = 10000,
        learning_rate = schedule.warmup {
            to = 1e-3, over = 5,
            next = schedule.cosine { from = 1e-3, to = 3e-5, over = 245 },
        },
        importance_beta = schedule.linear { from = 0.4, to = 1, over = 250 },
    },
    gate = { every = 5, games = 100, opening_plies = 6 },
}
