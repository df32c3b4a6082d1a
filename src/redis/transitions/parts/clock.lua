-- One look at the clock of Redis: every time that a script writes comes from here.
local clock = redis.call('TIME')
local nowSeconds, nowMicros = tonumber(clock[1]), tonumber(clock[2])
local nowMs = nowSeconds * 1000 + (nowMicros - nowMicros % 1000) / 1000

-- RQ's text form of a UTC time: YYYY-MM-DDTHH:MM:SS.ffffffZ. Redis has no os.date, hence the civil calendar, with
-- years counted from March, so that leap days come last. Every call of a script pays for it: `(a - a % b) / b` costs a
-- fifth of `math.floor(a / b)`.
local function utcText(seconds, micros)
  local inDay = seconds % 86400
  local inHour = inDay % 3600
  local z = (seconds - inDay) / 86400 + 719468
  local dayOfEra = z % 146097
  local yearDays = dayOfEra - (dayOfEra - dayOfEra % 1460) / 1460 + (dayOfEra - dayOfEra % 36524) / 36524
    - (dayOfEra - dayOfEra % 146096) / 146096
  local yearOfEra = (yearDays - yearDays % 365) / 365
  local dayOfYear = dayOfEra - 365 * yearOfEra - (yearOfEra - yearOfEra % 4) / 4 + (yearOfEra - yearOfEra % 100) / 100
  local shifted = 5 * dayOfYear + 2
  shifted = (shifted - shifted % 153) / 153
  local daysBefore = 153 * shifted + 2
  local month = shifted < 10 and shifted + 3 or shifted - 9
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%06dZ', yearOfEra + (z - dayOfEra) / 146097 * 400 + (month <= 2 and 1 or 0), month,
    dayOfYear - (daysBefore - daysBefore % 5) / 5 + 1, (inDay - inHour) / 3600, (inHour - inHour % 60) / 60, inHour % 60, micros)
end

local nowText = utcText(nowSeconds, nowMicros)
