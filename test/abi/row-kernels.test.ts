import { createCompiledRowKernel } from '../../host/abi/compiled-row-kernel.ts';
import { createPlainRowKernel } from '../../host/abi/plain-row-kernel.ts';
import { rowKernelContract } from '../contracts/row-kernel.ts';

rowKernelContract('plain', createPlainRowKernel);
rowKernelContract('compiled', createCompiledRowKernel);
