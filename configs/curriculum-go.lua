-- curriculum-go.lua: a run that changes itself as it learns. Deeper search and larger boards come when
-- enough games were played, not at a fixed iteration.
--
--   tengen train configs/curriculum-go.lua
--
-- curriculum(iteration, stats) is asked after each iteration (and once before the first, when all stats
-- are 0). It returns a table of new values, which hold from then on, or nil. What it returned is kept in
-- the run's manifest and not asked again when the run is resumed: so it should depend on its arguments
-- alone. Whatever `tengen help config` marks with * may change: visits, boards, opponents, rates, ...
--
-- stats: games, rows and steps so far; elo of the newest network; score of the last match;
-- policy_loss, value_loss and games_per_sec of the last iteration.

-- { games, visits, cheap visits, boards }: a stage holds for so many games, the last one for good.
local stages = {
    { games = 10000, visits = 100, cheap = 20, sizes = { 9 } },
    { games = 20000, visits = 200, cheap = 40, sizes = { 9, { 13, weight = 0.5 } } },
    { games = 50000, visits = 400, cheap = 70, sizes = { 9, 13 } },
    { games = 100000, visits = 600, cheap = 100, sizes = { 9, 13, { 19, weight = 2 } } },
}

local function stage_at(games)
    for i = 1, #stages - 1 do
        if games < stages[i].games then
            return i
        end
        games = games - stages[i].games
    end
    return #stages
end

local current = 0 -- only to say nothing where nothing changed

return {
    name = "curriculum-go",
    iterations = 360, -- of 500 games: 180,000 in all

    game = { kind = "go", size = 19 }, -- the largest board there will be
    net = "b6c96",
    selfplay = { games = 500, parallel_games = 256 },
    replay = { capacity = 2000000 },

    curriculum = function(iteration, stats)
        local i = stage_at(stats.games)
        if i == current then
            return nil
        end
        current = i
        return {
            search = { visits = stages[i].visits },
            selfplay = { cheap_visits = stages[i].cheap },
            game = { sizes = stages[i].sizes },
        }
    end,
}
