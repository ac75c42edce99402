-- schedule.lua: values that follow the iteration. Iterations count from 1.
--
--   local schedule = require "schedule"
--   train = { learning_rate = schedule.cosine { from = 1e-3, to = 1e-5, over = 300 } }
--
-- A curve runs over so many iterations; then `next` begins (another curve, or a number), or the last
-- value holds. Each function only names its curve in a plain table: Tengen itself computes and checks it.
local schedule = {}

local function curve(kind)
    return function(fields)
        fields.kind = kind
        return fields
    end
end

-- A straight line: { from =, to =, over =, next = }.
schedule.linear = curve "linear"
-- Half a cosine wave: slow at both ends. { from =, to =, over =, next = }
schedule.cosine = curve "cosine"
-- The same factor each iteration: { from =, to =, over =, next = }.
schedule.exponential = curve "exponential"
-- Up from `from` (0) in equal steps; reaches `to` at iteration `over`. { to =, over =, from =, next = }
schedule.warmup = curve "warmup"
-- Times `factor` (0.1) after each `every` iterations, never below `to` (0): { from =, every =, factor =, to = }
schedule.step = curve "step"

-- steps { 30, 0.01, 60, 0.001 }: 0.01 up to and with iteration 30, 0.001 up to 60 and after. The same as
-- { { upto = 30, value = 0.01 }, { upto = 60, value = 0.001 } }.
function schedule.steps(flat)
    local list = {}
    for i = 1, #flat, 2 do
        list[#list + 1] = { upto = flat[i], value = flat[i + 1] }
    end
    return list
end

return schedule
