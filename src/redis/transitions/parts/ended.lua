-- Jobs that ended in this call, for `dependents.lua`: of those that finished the keys of their dependents, of the others
-- their ids, and by its id the status of one that did not just fail.
local finishedNow, failedNow = {}, {}
