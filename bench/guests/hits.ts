import { record, reduce } from '@millrace/guest-sdk';

@record class Hit {
  user: i64 = 0;
  hits: i64 = 0;
}

@reduce export function count(total: Hit, hit: Hit): Hit {
  total.hits += hit.hits;
  return total;
}
