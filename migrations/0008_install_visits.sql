-- Visits to the install page are found by their end: old ones are forgotten a few at a time, and those
-- that are still open are counted.

create index install_visits_end on install_visits (ends_at);
