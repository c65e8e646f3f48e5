-- ----------------------------------------------------------------------------------------------------- reading

local function balance(key)
  return redis.call('HMGET', key, 'accepted', 'counted', 'dead', 'backlog', 'dup')
end

-- ARGV run since limit
-- Returns the changes of a run after version `since`: whole versions, until there are `limit` aggregates or more. The
-- last elements are `born`, and the number of events that the store has accepted in all runs.
local function changes(keys, argv)
  local base, run, since, limit = keys[1], argv[1], whole(argv[2]), whole(argv[3])
  local epoch = redis.call('GET', base .. 'epoch')
  if not epoch then return refuse('LABEMPTY', 'the store is empty or was reset') end
  if not since or not limit then return refuse('LABARG', 'since or limit') end
  local store = redis.call('HMGET', base .. 'ledger', 'ver', 'accepted')
  local accepted = store[2] or '0'
  if run == '' then
    return {epoch, 1, store[1] or '0', balance(base .. 'ledger'), '0', '', '0', 0, {}, {}, {}, '0', accepted}
  end
  local runkey = base .. 'run:' .. run
  local facts = redis.call('HMGET', runkey, 'width', 'ver', 'low', 'last', 'born')
  if not facts[1] then return {epoch, 0, '0', balance(runkey), '0', '', '0', 0, {}, {}, {}, '0', accepted} end
  local version, more, windows, aggregates = facts[2] or '0', 0, {}, 0
  if tonumber(version) > since then
    local changed = redis.call('ZRANGEBYSCORE', base .. 'dirty:' .. run, '(' .. digits(since), '+inf', 'WITHSCORES')
    local previous
    for i = 1, #changed, 2 do
      if aggregates >= limit and changed[i + 1] ~= previous then version, more = previous, 1; break end
      previous = changed[i + 1]
      local block = redis.call('HGETALL', base .. 'agg:' .. run .. ':' .. changed[i])
      aggregates = aggregates + #block / 2
      windows[#windows + 1] = {changed[i], block}
    end
  end
  local totals, instances = {}, {}
  if more == 0 then
    if tonumber(version) > since then totals = redis.call('HGETALL', base .. 'tot:' .. run) end
    local all = redis.call('HGETALL', runkey)
    for i = 1, #all, 2 do
      if string.sub(all[i], 1, 2) == 'w:' then
        instances[#instances + 1] = string.sub(all[i], 3)
        instances[#instances + 1] = all[i + 1]
      end
    end
  end
  return {epoch, 1, version, balance(runkey), facts[1], facts[3] or '', facts[4] or '0', more, windows, totals,
    instances, facts[5] or '0', accepted}
end

local SLICE_ENTRIES, SLICE_BYTES, PAGE_ENTRIES = 1000, 1048576, 50

-- Adds up the events of the stream after `place`, until a slice is full. Returns the sum, the last place, and whether
-- the stream ended.
local function sum_slice(stream, place)
  local sum, entries, bytes = 0, 0, 0
  while entries < SLICE_ENTRIES and bytes < SLICE_BYTES do
    local page = redis.call('XRANGE', stream, place and '(' .. place or '-', '+', 'COUNT', PAGE_ENTRIES)
    for _, entry in ipairs(page) do
      sum, place = sum + (whole(field_of(entry[2], 'n')) or 0), entry[1]
      bytes = bytes + #(field_of(entry[2], 'd') or '')
    end
    if #page < PAGE_ENTRIES then return sum, place, true end
    entries = entries + PAGE_ENTRIES
  end
  return sum, place, false
end

-- ARGV epoch start
-- Adds up the events of the stream, a slice a call; '1' begins. What is removed up to the audit's place is taken off by
-- the step that removes it, so that the sum is right at any time. Returns nothing until the end is reached; then the
-- account, and the backlog as added up.
local function audit(keys, argv)
  local base = keys[1]
  local failed = guard(base, argv[1]); if failed then return failed end
  local progress = base .. 'audit'
  if not typed(progress, 'hash') then return clash(progress, 'hash') end
  local before = argv[2] == '1' and {} or redis.call('HMGET', progress, 'place', 'events')
  local sum, place, ended = sum_slice(base .. 'ev', before[1])
  sum = sum + tonumber(before[2] or '0')
  redis.call('DEL', progress)
  if ended then return {balance(base .. 'ledger'), sum} end
  redis.call('HSET', progress, 'place', place, 'events', digits(sum))
  return {}
end

local function facts(keys, argv)
  return redis.call('HGETALL', keys[1] .. 'facts')
end

register('changes', changes, 'no-writes')
register('audit', audit, 'allow-oom')
register('facts', facts, 'no-writes')
