-- What ends an access ends its extensions too: they are found by the request that they prolong.

create index requests_extending on requests (extends) where extends is not null;
