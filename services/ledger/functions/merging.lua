-- ----------------------------------------------------------------------------------------------------- merging

local MAX_EVENTS = 524288

-- Reads aggregate number `i` of a packed blob. Returns its five numbers, or nothing for an impossible aggregate.
local function aggregate_at(blob, i)
  local n, high, low, minimum, maximum = struct.unpack(PACKED, blob, PACKED_BYTES * (i - 1) + 1)
  if n >= 1 and n <= MAX_EVENTS and n == math.floor(n) and high == math.floor(high) and low >= 0 and low < LIMB
      and low == math.floor(low) and minimum <= maximum then
    return n, high, low, minimum, maximum
  end
end

-- Adds an aggregate to the packed aggregate that is held. Returns the five numbers of both together.
local function added(held, n, high, low, minimum, maximum)
  local n0, high0, low0, minimum0, maximum0 = struct.unpack(PACKED, held)
  n, high, low = n + n0, high + high0, low + low0
  if low >= LIMB then low = low - LIMB; high = high + 1 end
  if minimum0 < minimum then minimum = minimum0 end
  if maximum0 > maximum then maximum = maximum0 end
  return n, high, low, minimum, maximum
end

-- Merges aggregate number `i` into a block, with the aggregate that the store holds under its field, or false. Returns
-- an error, or nothing.
local function merge(block, blob, i, field, held)
  local n, high, low, minimum, maximum = aggregate_at(blob, i)
  if not n then return refuse('LABARG', 'an impossible aggregate') end
  block.events = block.events + n
  if held then
    if #held ~= PACKED_BYTES then return refuse('LABTYPE', block.key .. ' holds something that is no aggregate') end
    n, high, low, minimum, maximum = added(held, n, high, low, minimum, maximum)
  end
  local write, full = block.write, block.full
  if not (high > -EXACT and high < EXACT and n < EXACT) then
    full[#full + 1] = field
    full[#full + 1] = held or ''
  end
  write[#write + 1] = field
  write[#write + 1] = struct.pack(PACKED, n, high, low, minimum, maximum)
end

-- Merges the aggregates that the arguments hold from `at` on with those that a hash holds. Returns a block, or nil and
-- an error. Its parts: `write` {field, aggregate, ...}; `full` {field, aggregate that the hash holds or '', ...} of
-- those that would leave the exact range; `events` in the arguments; `next`, the place of the next argument.
local function merged(key, argv, at)
  local count, blob = whole(argv[at]), argv[at + 1]
  if not count or not blob or #blob ~= PACKED_BYTES * count or #argv < at + 1 + count then
    return nil, refuse('LABARG', 'a block of aggregates does not have the size it says')
  end
  if not typed(key, 'hash') then return nil, clash(key, 'hash') end
  local block, seen = {key = key, write = {}, full = {}, events = 0, aggregates = count, next = at + 2 + count}, {}
  for first = 1, count, CHUNK do
    local last = math.min(count, first + CHUNK - 1)
    local held = redis.call('HMGET', key, unpack(argv, at + 1 + first, at + 1 + last))
    for i = first, last do
      local field = argv[at + 1 + i]
      if seen[field] then return nil, refuse('LABARG', 'the same aggregate twice in ' .. key) end
      seen[field] = true
      local refusal = merge(block, blob, i, field, held[i - first + 1])
      if refusal then return nil, refusal end
    end
  end
  return block
end

-- Reads the blocks of all windows. Returns them, or nil and an error.
local function merged_windows(base, run, argv, at)
  local windows = whole(argv[at])
  if not windows then return nil, refuse('LABARG', 'the number of windows is missing') end
  at = at + 1
  local blocks, numbers, aggregates, events = {}, {}, 0, 0
  for _ = 1, windows do
    local number = argv[at]
    if not number or not string.match(number, '^%-?%d+$') or numbers[number] then
      return nil, refuse('LABARG', 'a window twice or none')
    end
    numbers[number] = true
    local block, refusal = merged(base .. 'agg:' .. run .. ':' .. number, argv, at + 1)
    if not block then return nil, refusal end
    block.number = number
    aggregates, events, at = aggregates + block.aggregates, events + block.events, block.next
    blocks[#blocks + 1] = block
  end
  return {blocks = blocks, aggregates = aggregates, events = events}
end

-- Returns {-2, window ('' for the totals), field, aggregate that is held, ...} of the sums that would leave the range.
local function out_of_range(blocks)
  local reply = {-2}
  for _, block in ipairs(blocks) do
    for i = 1, #block.full, 2 do
      reply[#reply + 1] = block.number or ''
      reply[#reply + 1] = block.full[i]
      reply[#reply + 1] = block.full[i + 1]
    end
  end
  if #reply > 1 then return reply end
end

-- Writes the blocks of a commit. Windows below `low` have been removed, and stay away.
local function write_blocks(blocks, version, low, dirty, wins)
  for _, block in ipairs(blocks) do
    if not block.number or tonumber(block.number) >= low then
      for first = 1, #block.write, 2 * CHUNK do
        redis.call('HSET', block.key, unpack(block.write, first, math.min(#block.write, first + 2 * CHUNK - 1)))
      end
      if block.number then
        redis.call('ZADD', dirty, version, block.number)
        redis.call('ZADD', wins, block.number, block.number)
      end
    end
  end
end
