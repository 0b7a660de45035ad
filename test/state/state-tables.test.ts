import { createEngineStateTable } from '../../host/state/engine-state-table.ts';
import { createMapStateTable } from '../../host/state/map-state-table.ts';
import { keyedEntriesContract } from '../contracts/keyed-entries.ts';
import { keyedSnapshotContract } from '../contracts/keyed-snapshot.ts';
import { stateCaptureContract } from '../contracts/state-capture.ts';
import { stateTableContract } from '../contracts/state-table.ts';
import { stateViewContract } from '../contracts/state-view.ts';

stateTableContract('map', createMapStateTable);
keyedSnapshotContract('map', createMapStateTable);
keyedEntriesContract('map', createMapStateTable);
stateCaptureContract('map', createMapStateTable);
stateViewContract('map', createMapStateTable);

stateTableContract('engine', createEngineStateTable);
keyedSnapshotContract('engine', createEngineStateTable);
keyedEntriesContract('engine', createEngineStateTable);
stateCaptureContract('engine', createEngineStateTable);
stateViewContract('engine', createEngineStateTable);
