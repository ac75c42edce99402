-- tictactoe.lua: the smallest run. Three in a row on a 3x3 board; with perfect play always a draw, so
-- after a few minutes on one core the games of the trained network should nearly all be drawn.
--
--   tengen train configs/tictactoe.lua
--
-- A config is a Lua script that returns a table. `tengen help config` lists every key.
return {
    name = "tictactoe",
    iterations = 20,

    -- Gomoku is any m,n,k game: on 3x3 three in a row win.
    game = { kind = "gomoku", size = 3, history = 1 },
    net = "b2c16",

    selfplay = {
        games = 200,          -- per iteration; about 7 moves each
        parallel_games = 64,  -- played at once: their positions share one batch of the network
        cheap_share = 0,      -- a search is so small here that all of them may teach the policy
    },
    search = {
        visits = 50,
        temp_early = 1,       -- moves are drawn by visits: games differ
        temp_plies = 4,       -- ... for four moves, then the best is played
        temp_late = 0,
    },
    replay = { capacity = 20000, window_alpha = 0 },
    train = {
        batch = 64,
        min_rows = 500,
        learning_rate = 2e-3,
        rows_per_new_row = 4, -- each position is seen about four times
    },
    gate = { every = 5, games = 40, opening_plies = 2 },
}
