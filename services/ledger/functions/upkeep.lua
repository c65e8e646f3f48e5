-- ------------------------------------------------------------------------------------------------------ upkeep
--
-- All of it is allowed at the store's memory limit, since workers must go on: only what they commit makes room.

-- ARGV epoch consumer
-- Advances a heartbeat.
local function beat(keys, argv)
  local failed = guard(keys[1], argv[1]); if failed then return failed end
  return redis.call('HINCRBY', keys[1] .. 'beat', argv[2], 1)
end

-- ARGV epoch id text
-- Keeps an isolation note, as long as the entry exists.
local function note(keys, argv)
  local failed = guard(keys[1], argv[1]); if failed then return failed end
  return redis.call('HSET', keys[1] .. 'suspect', argv[2], argv[3])
end

-- ARGV epoch consumer
-- Forgets a consumer. Returns 1, or 0 where the consumer still holds entries.
local function reap(keys, argv)
  local base, consumer = keys[1], argv[2]
  local failed = guard(base, argv[1]); if failed then return failed end
  if not typed(base .. 'beat', 'hash') then return clash(base .. 'beat', 'hash') end
  if #redis.call('XPENDING', base .. 'ev', GROUP, '-', '+', 1, consumer) > 0 then return 0 end
  redis.call('XGROUP', 'DELCONSUMER', base .. 'ev', GROUP, consumer)
  redis.call('HDEL', base .. 'beat', consumer)
  return 1
end

-- Removes the oldest windows of a run, at most 500. Returns their number.
local function drop_windows(base, run, number)
  local runkey, dirty, wins = base .. 'run:' .. run, base .. 'dirty:' .. run, base .. 'wins:' .. run
  local before = account(runkey, 'ver')
  redis.call('ZCARD', dirty)
  local gone = redis.call('ZRANGE', wins, 0, math.min(number, CHUNK) - 1)
  if #gone == 0 then return 0 end
  local low = digits(tonumber(gone[#gone]) + 1)
  for _, window in ipairs(gone) do
    redis.call('UNLINK', base .. 'agg:' .. run .. ':' .. window)
    redis.call('ZREM', dirty, window)
    redis.call('ZREM', wins, window)
  end
  redis.call('HSET', runkey, 'low', low, 'ver', before.ver + 1)
  return #gone
end

-- ARGV epoch run keep
-- Removes the oldest windows beyond `keep`, at most 500 a call. Returns their number.
local function prune(keys, argv)
  local base, run, keep = keys[1], argv[2], whole(argv[3])
  local failed = guard(base, argv[1]); if failed then return failed end
  if not keep or keep < 1 then return refuse('LABARG', 'keep at least one window') end
  local excess = redis.call('ZCARD', base .. 'wins:' .. run) - keep
  return excess < 1 and 0 or drop_windows(base, run, excess)
end

-- An hour is the most that one append adds to the ledger's own time; two hours are therefore two appends at least.
local UNUSED_US, CANDIDATES = 2 * HOUR_US, 16

-- ARGV epoch keep
-- Forgets runs beyond the `keep` that were used last: the longest unused first, and only runs that have not been used
-- for two hours and hold no event that is not counted. At most 500 windows a call. Returns 1 where it forgot something.
local function forget_runs(keys, argv)
  local base, keep = keys[1], whole(argv[2])
  local failed = guard(base, argv[1]); if failed then return failed end
  if not keep or keep < 1 then return refuse('LABARG', 'keep at least one run') end
  local runs = base .. 'runs'
  local excess = math.min(redis.call('ZCARD', runs) - keep, CANDIDATES)
  if excess < 1 then return 0 end
  local time = account(base .. 'ledger', 'time').time
  for _, run in ipairs(redis.call('ZRANGEBYSCORE', runs, '-inf', digits(time - UNUSED_US), 'LIMIT', 0, excess)) do
    local held = account(base .. 'run:' .. run, 'backlog', 'dead')
    if held.backlog + held.dead > 0 then
      redis.call('ZADD', runs, time, run)
    else
      if drop_windows(base, run, CHUNK) < CHUNK then
        for _, kind in ipairs({'run:', 'keys:', 'tot:', 'dirty:', 'wins:'}) do
          redis.call('UNLINK', base .. kind .. run)
        end
        redis.call('ZREM', runs, run)
      end
      return 1
    end
  end
  return 0
end

register('beat', beat, 'allow-oom')
register('note', note, 'allow-oom')
register('reap', reap, 'allow-oom')
register('prune', prune, 'allow-oom')
register('forget_runs', forget_runs, 'allow-oom')
