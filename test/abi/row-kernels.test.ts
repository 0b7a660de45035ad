import { createPlainRowKernel } from '../../host/abi/plain-row-kernel.ts';
import { rowKernelContract } from '../contracts/row-kernel.ts';

rowKernelContract('plain', createPlainRowKernel);
