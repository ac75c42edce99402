-- something of every kind that a config may hold
local s = { { upto = 2, value = 3 }, { upto = 9, value = 4 } }
return {
    name = "fuzz", seed = 7, iterations = 12,
    game = { kind = "go", size = 9, sizes = { 5, { 7, 9, weight = 2 }, { 9, weight = .5 } }, komi = 6.5,
             rules = { name = "japanese", suicide = true, ko = "positional" } },
    net = { preset = "b2c16", channels = 16, blocks = { "residual", { "gpool", mid = 8, pooled = 8 },
            { "nested", mid = 8, { "gpool", "residual" } } }, activation = "mish" },
    search = { visits = s, c_puct = { kind = "cosine", from = 2, to = 1, over = 5, next = 1.5 },
               gumbel = function(i) return i > 3 end },
    ["train.learning_rate"] = { kind = "warmup", to = 1e-3, over = 3, next = { kind = "step", from = 1e-3, every = 2 } },
    train = { loss = "classic", optimiser = "sgd" },
    curriculum = function(i, stats)
        if stats.games > 10000 then return { search = { visits = 9 }, ["game.sizes"] = { 9, { 7, 5 } } } end
    end,
}
