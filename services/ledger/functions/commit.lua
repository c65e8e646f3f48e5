-- ------------------------------------------------------------------------------------------------------ commit
--
-- Delivery of an entry is at least once; its effect is exactly once, since an entry leaves the pending list in the step
-- that adds its events. What a kill of the worker does:
--   before the step   the entry stays pending, and is read again by its consumer's next life or by another worker
--   within the step   the store does the whole step or none of it; the worker's death does not matter
--   after the step    the entry is gone; whoever sends it again is told that it is stale, and nothing is changed
-- An entry that is stale, or a sum that would leave the exact range, stops the step before its first write.

local MAX_ENTRIES, MAX_AGGREGATES = 1024, 4096

local TYPES_OF_COMMIT = {
  ev = 'stream', dead = 'stream', ledger = 'hash', run = 'hash', suspect = 'hash', audit = 'hash', runs = 'zset',
  dirty = 'zset', wins = 'zset',
}

-- Names the keys that a commit writes besides its aggregates.
local function keys_of_commit(base, run)
  return {
    ev = base .. 'ev', dead = base .. 'dead', ledger = base .. 'ledger', run = base .. 'run:' .. run,
    suspect = base .. 'suspect', audit = base .. 'audit', runs = base .. 'runs', dirty = base .. 'dirty:' .. run,
    wins = base .. 'wins:' .. run,
  }
end

-- Returns an error where a key is of another type.
local function wrong_type(key)
  for name, wanted in pairs(TYPES_OF_COMMIT) do
    if not typed(key[name], wanted) then return clash(key[name], wanted) end
  end
end

-- Reads the ids of the entries. Returns {ids, place}, `place` as id -> its number; or nil and an error.
local function entries_of(argv)
  local count, entries = whole(argv[4]), {ids = {}, place = {}}
  if not count or count < 1 or count > MAX_ENTRIES then return nil, refuse('LABARG', '1..1024 entries a commit') end
  for i = 1, count do
    local id = argv[4 + i]
    if not id or not is_id(id) then return nil, refuse('LABARG', 'an id that no entry has') end
    if entries.place[id] then return nil, refuse('LABARG', 'the same entry twice') end
    entries.ids[i], entries.place[id] = id, i
  end
  return entries
end

-- Counts the entries that are not pending any more. Returns {-1, their ids...}, or nothing where all are pending.
local function stale_entries(key, entries)
  local stale = {-1}
  for _, id in ipairs(entries.ids) do
    if #redis.call('XPENDING', key.ev, GROUP, id, id, 1) == 0 then stale[#stale + 1] = id end
  end
  if #stale == 1 then return end
  redis.call('HINCRBY', key.ledger, 'stale', #stale - 1)
  return stale
end

-- Reads the sizes of the entries, into `held` (events of each), `events` and `bytes` (of all), and `next` (the place of
-- the next argument). Returns an error, or nothing.
local function read_sizes(entries, argv)
  local count = #entries.ids
  local counts = argv[5 + count]
  if not counts or #counts ~= 2 * count then return refuse('LABARG', 'the counts do not have the size they say') end
  entries.held, entries.events, entries.bytes, entries.next = {}, 0, whole(argv[6 + count]), 7 + count
  if not entries.bytes then return refuse('LABARG', 'bytes is out of range') end
  for i = 1, count do
    entries.held[i] = struct.unpack('<H', counts, 2 * i - 1)
    entries.events = entries.events + entries.held[i]
  end
  if entries.events < 1 or entries.events > MAX_EVENTS then return refuse('LABARG', '1..524288 events a commit') end
end

-- Reads the bad events. Returns {{id, index, reason, payload}, ...} with their `bytes` and the place of the `next`
-- argument; or nil and an error.
local function bad_events(argv, entries)
  local at, place, held = entries.next, entries.place, entries.held
  local count, isolated, bad = whole(argv[at]), {}, {bytes = 0}
  if not count then return nil, refuse('LABARG', 'the number of bad events is missing') end
  at = at + 1
  for i = 1, count do
    local id, index = argv[at], whole(argv[at + 1])
    if not place[id] or not index or index >= held[place[id]] or isolated[id .. ':' .. index] or not argv[at + 3] then
      return nil, refuse('LABARG', 'a bad event that is in no entry of this commit')
    end
    isolated[id .. ':' .. index] = true
    bad[i] = {id, argv[at + 1], argv[at + 2], argv[at + 3]}
    bad.bytes = bad.bytes + entry_bytes(argv[at + 3])
    at = at + 4
  end
  bad.next = at
  return bad
end

-- Reads the aggregates of the totals and those of all windows; both must hold `counted` events. Returns the blocks, or
-- nil and an error.
local function blocks_of(base, run, argv, at, counted)
  local totals, refusal = merged(base .. 'tot:' .. run, argv, at)
  if not totals then return nil, refusal end
  local windows
  windows, refusal = merged_windows(base, run, argv, totals.next)
  if not windows then return nil, refusal end
  if windows.aggregates > MAX_AGGREGATES or totals.aggregates > MAX_AGGREGATES then
    return nil, refuse('LABARG', '4096 aggregates a commit')
  end
  if windows.events ~= counted or totals.events ~= counted then
    return nil, refuse('LABSUM', 'aggregates and entries disagree')
  end
  local blocks = windows.blocks
  blocks[#blocks + 1] = totals
  return blocks
end

-- Takes the entries out of the stream. An entry that somebody had deleted is a ghost; `ghosts` are those before.
local function remove_entries(base, key, entries, ghosts)
  local acknowledged = redis.call('XACK', key.ev, GROUP, unpack(entries.ids))
  local removed = redis.call('XDEL', key.ev, unpack(entries.ids))
  redis.call('HDEL', key.suspect, unpack(entries.ids))
  if removed ~= acknowledged then redis.call('HSET', key.ledger, 'ghost', ghosts + acknowledged - removed) end
  tell_audit(base, entries.ids, entries.held)
end

-- Makes each bad event a dead letter.
local function keep_bad_events(key, run, bad, width, now)
  for _, event in ipairs(bad) do
    redis.call('XADD', key.dead, '*', 'id', event[1], 'i', event[2], 'why', event[3], 'n', 1, 'run', run, 'w', width,
      't', now, 'b', entry_bytes(event[4]), 'd', event[4])
  end
end

-- ARGV epoch run instance E id*E counts(u16 LE blob) bytes B (id index reason payload)*B
--      T aggregates(40*T bytes) name*T  W (window C aggregates name*C)*W
-- Removes entries and adds their events to the aggregates. Where an entry is not pending any more, nothing happens and
-- the reply is {-1, stale ids...}; where a sum would leave the exact range, {-2, ...} as `out_of_range` says.
local function commit(keys, argv)
  local base, run, instance = keys[1], argv[2], argv[3]
  local refusal = guard(base, argv[1]); if refusal then return refusal end
  local entries, bad, blocks
  entries, refusal = entries_of(argv); if refusal then return refusal end
  local key = keys_of_commit(base, run)
  refusal = wrong_type(key); if refusal then return refusal end
  local ledger = key.ledger
  local store = account(ledger, 'counted', 'backlog', 'dead', 'ver', 'bytes', 'dead_bytes', 'time', 'stale', 'ghost')
  local before = account(key.run, 'counted', 'backlog', 'dead', 'ver', 'w:' .. instance)
  local stale = stale_entries(key, entries); if stale then return stale end
  refusal = read_sizes(entries, argv); if refusal then return refusal end
  bad, refusal = bad_events(argv, entries); if refusal then return refusal end
  local counted = entries.events - #bad
  blocks, refusal = blocks_of(base, run, argv, bad.next, counted); if refusal then return refusal end
  local beyond = out_of_range(blocks); if beyond then return beyond end
  local low, width = unpack(redis.call('HMGET', key.run, 'low', 'width'))
  local now, version = clock_us(), before.ver + 1

  -- An XADD fails in a stream that has reached the last id, and therefore comes first.
  keep_bad_events(key, run, bad, width or '0', now)
  remove_entries(base, key, entries, store.ghost)
  write_blocks(blocks, version, tonumber(low or '-inf') or -math.huge, key.dirty, key.wins)
  -- An entry that the ledger did not write is in no account, and a count below 0 would stop every later step.
  redis.call('HSET', ledger, 'counted', store.counted + counted, 'dead', store.dead + #bad,
    'backlog', math.max(0, store.backlog - entries.events), 'ver', store.ver + 1,
    'bytes', math.max(0, store.bytes - entries.bytes), 'dead_bytes', store.dead_bytes + bad.bytes)
  redis.call('HSET', key.run, 'counted', before.counted + counted, 'dead', before.dead + #bad,
    'backlog', math.max(0, before.backlog - entries.events), 'ver', version, 'last', now,
    'w:' .. instance, before['w:' .. instance] + counted)
  redis.call('ZADD', key.runs, store.time > 0 and store.time or now, run)
  return {counted, version, redis.call('ZCARD', key.wins)}
end

register('commit', commit, 'allow-oom')
