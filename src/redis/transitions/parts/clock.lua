-- One look at the clock of Redis: every time that a script writes comes from here.
local clock = redis.call('TIME')
local nowSeconds, nowMicros = tonumber(clock[1]), tonumber(clock[2])
local nowMs = nowSeconds * 1000 + math.floor(nowMicros / 1000)

local textOfSecond = {}

-- RQ's text form of a UTC time: YYYY-MM-DDTHH:MM:SS.ffffffZ. Redis has no os.date, hence the
-- civil calendar from the day number (years counted from March, so that leap days come last).
local function utcText(seconds, micros)
  local text = textOfSecond[seconds]
  if not text then
    local days = math.floor(seconds / 86400)
    local rest = seconds - days * 86400
    local z = days + 719468
    local era = math.floor(z / 146097)
    local dayOfEra = z - era * 146097
    local yearOfEra = math.floor((dayOfEra - math.floor(dayOfEra / 1460)
      + math.floor(dayOfEra / 36524) - math.floor(dayOfEra / 146096)) / 365)
    local dayOfYear = dayOfEra - (365 * yearOfEra + math.floor(yearOfEra / 4) - math.floor(yearOfEra / 100))
    local shifted = math.floor((5 * dayOfYear + 2) / 153)
    local day = dayOfYear - math.floor((153 * shifted + 2) / 5) + 1
    local month = shifted < 10 and shifted + 3 or shifted - 9
    local year = yearOfEra + era * 400 + (month <= 2 and 1 or 0)
    text = string.format('%04d-%02d-%02dT%02d:%02d:%02d', year, month, day,
      math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60)
    textOfSecond[seconds] = text
  end
  return text .. string.format('.%06dZ', micros)
end

local nowText = utcText(nowSeconds, nowMicros)

-- The time `ms` milliseconds before now, as text.
local function utcTextAgo(ms)
  local micros = nowSeconds * 1000000 + nowMicros - math.floor(ms * 1000)
  return utcText(math.floor(micros / 1000000), micros % 1000000)
end
