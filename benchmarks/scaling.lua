-- scaling.lua: the run that benchmarks/scaling.sh times: the real protocol, games that cost next to nothing, and a
-- device that only takes time (benchmarks/devices). The script sets what depends on the number of ranks.
return {
    name = "scaling",
    iterations = 8,
    game = { kind = "gomoku", size = 4, rules = { goal = 4 }, history = 0 },
    net = { preset = "b2c16", backend = "simulated" },
    selfplay = { parallel_games = 16, threads = 1, cheap_share = 0 },
    search = { visits = 5, temp_early = 1, temp_plies = 4, temp_late = 1 },
    replay = { window_alpha = 0, chunk_rows = 512 },
    train = { min_rows = 1, max_steps = 5 },
    gate = { every = 1000, games = 2, enabled = false },
    cluster = { mode = "continuous", watchdog_sec = 600 },
    report = { sgf_games = 1, keep_checkpoints = 2 },
}
