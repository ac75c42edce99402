local t = setmetatable({}, { __len = function() return 1 << 60 end, __index = type })
pcall(table.insert, t, 1, 0) pcall(table.concat, t, "", 1, 1 << 60) pcall(string.rep, "", 1 << 60)
local ok = pcall(function() local x <close> = setmetatable({}, { __close = error }) error(t) end)
while true do pcall(function() while true do end end) end
