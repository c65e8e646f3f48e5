-- ----------------------------------------------------------------------------------------------------- reading

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

local function facts(keys, argv)
  return redis.call('HGETALL', keys[1] .. 'facts')
end

register('changes', changes, 'no-writes')
register('facts', facts, 'no-writes')
