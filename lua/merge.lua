-- merge.lua: one config table from several; what comes later wins.
--
--   local merge, katago = require "merge", require "katago"
--   return merge(katago.selfplay, { search = { visits = 300 } })
--
-- Sections are merged key by key. Lists (board sizes, steps of a schedule) and curves are taken whole.
local function is_section(value)
    return type(value) == "table" and value[1] == nil
        and not (value.kind and (value.over or value.every))
end

local function merge_into(result, from)
    for key, value in pairs(from) do
        if is_section(value) then
            result[key] = merge_into(is_section(result[key]) and result[key] or {}, value)
        else
            result[key] = value
        end
    end
    return result
end

return function(...)
    local result = {}
    for _, config in ipairs { ... } do
        merge_into(result, config)
    end
    return result
end
