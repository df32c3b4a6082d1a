-- names: jobPrefix deferredPrefix
-- Decides whether a new job has to wait for others, and makes it wait. RQ: `Queue.setup_dependencies`.

-- How many jobs are asked what they wait for before a cycle counts as none.
local mostWalked = 1000
-- What is wrong with the jobs that were refused, in their order.
local refusals = {}

-- The way from a new job through what it waits for back to itself, as ids; nil when there is none. There can be
-- one only where somebody waits for its id already.
local function cycleOf(id, parents)
  if redis.call('EXISTS', jobPrefix .. id .. ':dependents') == 0 then return nil end
  local cameFrom, open, walked = {}, {}, 0
  for i, parent in ipairs(parents) do open[i], cameFrom[parent] = parent, id end
  while open[1] and walked < mostWalked do
    local at = table.remove(open)
    walked = walked + 1
    local f = redis.pcall('HMGET', jobPrefix .. at, 'status', 'dependency_ids')
    for _, further in ipairs(f[1] == 'deferred' and parentsOf(at, f[2]) or {}) do
      if further == id then
        local way = { id }
        repeat
          table.insert(way, 1, at)
          at = cameFrom[at]
        until at == id
        table.insert(way, 1, id)
        return table.concat(way, ' ')
      end
      if not cameFrom[further] then cameFrom[further], open[#open + 1] = at, further end
    end
  end
end

-- `after` is: at front 0/1, failures allowed 0/1, blank, ids of the parents. Returns w when the job need not wait,
-- p when it must, c for a cycle, k for a key of a wrong type; and what `defer` is to write.
local function judgeNew(id, after)
  local allowsFailure, parents, unfinished, waits = string.sub(after, 2, 2) == '1', {}, {}, false
  for parent in string.gmatch(string.sub(after, 4), '%S+') do
    parents[#parents + 1] = parent
    local status = statusOfParent(parent)
    if status ~= 'finished' then unfinished[#unfinished + 1] = parent end
    waits = waits or not isMet(status, allowsFailure)
  end
  if not waits then return 'w' end
  local cycle = cycleOf(id, parents)
  if cycle then
    refusals[#refusals + 1] = cycle
    return 'c'
  end
  for _, parent in ipairs(unfinished) do
    local wrong = misfit(jobPrefix .. parent .. ':dependents', 'set')
    if wrong then
      refusals[#refusals + 1] = wrong
      return 'k'
    end
  end
  return 'p', { parents = parents, unfinished = unfinished }
end

-- Registers a job that waits. Also with parents that are not there yet: one that comes under the id is waited for.
-- The score is the one that no version of RQ takes for an end: 2.0 to 2.7 fail entries whose time has come.
local function defer(id, queue, wait)
  local key = jobPrefix .. ':' .. id .. ':dependencies'
  redis.call('DEL', key)
  redis.call('SADD', key, unpack(wait.parents))
  for _, parent in ipairs(wait.unfinished) do redis.call('SADD', jobPrefix .. parent .. ':dependents', id) end
  redis.call('ZADD', deferredPrefix .. queue, '+inf', id)
end
