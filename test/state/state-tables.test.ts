import { createMapStateTable } from '../../host/state/map-state-table.ts';
import { keyedSnapshotContract } from '../contracts/keyed-snapshot.ts';
import { stateTableContract } from '../contracts/state-table.ts';

stateTableContract('map', createMapStateTable);
keyedSnapshotContract('map', createMapStateTable);
