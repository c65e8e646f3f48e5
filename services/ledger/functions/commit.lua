-- ------------------------------------------------------------------------------------------------------ commit
--
-- Delivery of an entry is at least once; its effect is exactly once, since an entry leaves the pending list in the step
-- that adds its events. What a kill of the worker does:
--   before the step   the entry stays pending, and is read again by its consumer's next life or by another worker
--   within the step   the store does the whole step or none of it; the worker's death does not matter
--   after the step    the entry is gone; whoever sends it again is told that it is stale, and nothing is changed
-- An entry that is stale, or a sum that would leave the exact range, stops the step before its first write.

local MAX_ENTRIES, MAX_EVENTS, MAX_AGGREGATES = 1024, 524288, 4096

-- Merges aggregates with those that a hash holds. Returns a block: `write` {field, aggregate, ...}, `full` {field,
-- aggregate that the hash holds or '', ...} of those that would leave the exact range; or nil and an error.
local function merged(key, argv, at, seen)
  local count, blob = whole(argv[at]), argv[at + 1]
  if not count or not blob or #blob ~= PACKED_BYTES * count or #argv < at + 1 + count then
    return nil, refuse('LABARG', 'a block of aggregates does not have the size it says')
  end
  if not typed(key, 'hash') then return nil, clash(key, 'hash') end
  local write, full, events = {}, {}, 0
  for first = 1, count, CHUNK do
    local last = math.min(count, first + CHUNK - 1)
    local held = redis.call('HMGET', key, unpack(argv, at + 1 + first, at + 1 + last))
    for i = first, last do
      local field, old = argv[at + 1 + i], held[i - first + 1]
      if seen[field] then return nil, refuse('LABARG', 'the same aggregate twice in ' .. key) end
      seen[field] = true
      local n, high, low, minimum, maximum = struct.unpack(PACKED, blob, PACKED_BYTES * (i - 1) + 1)
      if not (n >= 1 and n <= MAX_EVENTS and n == math.floor(n) and high == math.floor(high) and low >= 0 and low < LIMB
          and low == math.floor(low) and minimum <= maximum) then
        return nil, refuse('LABARG', 'an impossible aggregate')
      end
      events = events + n
      if old then
        if #old ~= PACKED_BYTES then return nil, refuse('LABTYPE', key .. ' holds something that is no aggregate') end
        local n0, high0, low0, minimum0, maximum0 = struct.unpack(PACKED, old)
        n, high, low = n + n0, high + high0, low + low0
        if low >= LIMB then low = low - LIMB; high = high + 1 end
        if minimum0 < minimum then minimum = minimum0 end
        if maximum0 > maximum then maximum = maximum0 end
      end
      if not (high > -EXACT and high < EXACT and n < EXACT) then
        full[#full + 1] = field
        full[#full + 1] = old or ''
      end
      write[#write + 1] = field
      write[#write + 1] = struct.pack(PACKED, n, high, low, minimum, maximum)
    end
  end
  return {key = key, write = write, full = full, events = events, aggregates = count, next = at + 2 + count}
end

-- Reads the blocks of all windows. Returns them, or nil and an error.
local function merged_windows(base, run, argv, at)
  local windows = whole(argv[at])
  if not windows then return nil, refuse('LABARG', 'the number of windows is missing') end
  at = at + 1
  local blocks, numbers, aggregates, events = {}, {}, 0, 0
  for _ = 1, windows do
    local number = argv[at]
    if not number or not tonumber(number) or numbers[number] then
      return nil, refuse('LABARG', 'a window twice or none')
    end
    numbers[number] = true
    local block, refusal = merged(base .. 'agg:' .. run .. ':' .. number, argv, at + 1, {})
    if not block then return nil, refusal end
    block.number = number
    aggregates, events, at = aggregates + block.aggregates, events + block.events, block.next
    blocks[#blocks + 1] = block
  end
  return {blocks = blocks, aggregates = aggregates, events = events}
end

-- Reads the bad events: {id, index, reason, payload}. Returns them, or nil and an error.
local function bad_events(argv, at, place, held)
  local count, isolated, bad = whole(argv[at]), {}, {size = 0}
  if not count then return nil, refuse('LABARG', 'the number of bad events is missing') end
  at = at + 1
  for i = 1, count do
    local id, index = argv[at], whole(argv[at + 1])
    if not place[id] or not index or index >= held[place[id]] or isolated[id .. ':' .. index] or not argv[at + 3] then
      return nil, refuse('LABARG', 'a bad event that is in no entry of this commit')
    end
    isolated[id .. ':' .. index] = true
    bad[i] = {id, argv[at + 1], argv[at + 2], argv[at + 3]}
    bad.size = bad.size + entry_bytes(argv[at + 3])
    at = at + 4
  end
  bad.next = at
  return bad
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

-- ARGV epoch run instance E id*E counts(u16 LE blob) bytes B (id index reason payload)*B
--      T aggregates(40*T bytes) name*T  W (window C aggregates name*C)*W
-- Removes entries and adds their events to the aggregates. Where an entry is not pending any more, nothing happens and
-- the reply is {-1, stale ids...}; where a sum would leave the exact range, {-2, ...} as `out_of_range` says.
local function commit(keys, argv)
  local base, run, instance, entries = keys[1], argv[2], argv[3], whole(argv[4])
  local failed = guard(base, argv[1]); if failed then return failed end
  if not entries or entries < 1 or entries > MAX_ENTRIES then return refuse('LABARG', '1..1024 entries a commit') end
  local ev, ledger, runkey, dead = base .. 'ev', base .. 'ledger', base .. 'run:' .. run, base .. 'dead'
  local dirty, wins, suspect = base .. 'dirty:' .. run, base .. 'wins:' .. run, base .. 'suspect'
  local runs, audit = base .. 'runs', base .. 'audit'
  for key, wanted in pairs({[ev] = 'stream', [dead] = 'stream', [ledger] = 'hash', [runkey] = 'hash', [dirty] = 'zset',
      [wins] = 'zset', [suspect] = 'hash', [runs] = 'zset', [audit] = 'hash'}) do
    if not typed(key, wanted) then return clash(key, wanted) end
  end
  local store = account(ledger, 'counted', 'backlog', 'dead', 'ver', 'bytes', 'dead_bytes', 'time', 'stale', 'ghost')
  local account_of_run = account(runkey, 'counted', 'backlog', 'dead', 'ver', 'w:' .. instance)

  local ids, place, stale = {}, {}, {}
  for i = 1, entries do
    local id = argv[4 + i]
    if place[id] then return refuse('LABARG', 'the same entry twice') end
    ids[i], place[id] = id, i
    if #redis.call('XPENDING', ev, GROUP, id, id, 1) == 0 then stale[#stale + 1] = id end
  end
  if #stale > 0 then
    redis.call('HINCRBY', ledger, 'stale', #stale)
    return {-1, unpack(stale)}
  end

  local counts, released, total = argv[5 + entries], whole(argv[6 + entries]), 0
  if not counts or #counts ~= 2 * entries then return refuse('LABARG', 'the counts do not have the size they say') end
  if not released then return refuse('LABARG', 'bytes is out of range') end
  local held = {}
  for i = 1, entries do
    held[i] = struct.unpack('<H', counts, 2 * i - 1)
    total = total + held[i]
  end
  if total < 1 or total > MAX_EVENTS then return refuse('LABARG', '1..524288 events a commit') end

  local bad, refusal = bad_events(argv, 7 + entries, place, held)
  if not bad then return refusal end
  local totals
  totals, refusal = merged(base .. 'tot:' .. run, argv, bad.next, {})
  if not totals then return refusal end
  local windows
  windows, refusal = merged_windows(base, run, argv, totals.next)
  if not windows then return refusal end
  if windows.aggregates > MAX_AGGREGATES or totals.aggregates > MAX_AGGREGATES then
    return refuse('LABARG', '4096 aggregates a commit')
  end
  local counted = total - #bad
  if windows.events ~= counted or totals.events ~= counted then
    return refuse('LABSUM', 'aggregates and entries disagree')
  end
  local blocks = windows.blocks
  blocks[#blocks + 1] = totals
  local beyond = out_of_range(blocks)
  if beyond then return beyond end
  local facts = redis.call('HMGET', runkey, 'low', 'width')
  local low = tonumber(facts[1] or '-inf') or -math.huge
  local now = clock_us()

  local acknowledged = redis.call('XACK', ev, GROUP, unpack(ids))
  local removed = redis.call('XDEL', ev, unpack(ids))
  redis.call('HDEL', suspect, unpack(ids))
  if removed ~= acknowledged then redis.call('HINCRBY', ledger, 'ghost', acknowledged - removed) end
  tell_audit(base, ids, held)
  local version = account_of_run.ver + 1
  write_blocks(blocks, version, low, dirty, wins)
  for _, event in ipairs(bad) do
    redis.call('XADD', dead, '*', 'id', event[1], 'i', event[2], 'why', event[3], 'n', 1, 'run', run, 'w',
      facts[2] or '0', 't', now, 'b', entry_bytes(event[4]), 'd', event[4])
  end
  redis.call('HSET', ledger, 'counted', store.counted + counted, 'dead', store.dead + #bad,
    'backlog', store.backlog - total, 'ver', store.ver + 1, 'bytes', math.max(0, store.bytes - released),
    'dead_bytes', store.dead_bytes + bad.size)
  redis.call('HSET', runkey, 'counted', account_of_run.counted + counted, 'dead', account_of_run.dead + #bad,
    'backlog', account_of_run.backlog - total, 'ver', version, 'last', now,
    'w:' .. instance, account_of_run['w:' .. instance] + counted)
  redis.call('ZADD', runs, store.time > 0 and store.time or now, run)
  return {counted, version, redis.call('ZCARD', wins)}
end

register('commit', commit, 'allow-oom')
