// faults.h - a layer that spoils the answers of the driver it stands around, to see how a program copes.
// A list, separated by commas, of CALL@NUMBER=WHAT: the NUMBER-th call (from 1) of that name, or of any, named "call".
//   WHAT: timeout, busy, argument, lost, worn, failed   the call fails so; after lost every later call does
//         delay:SECONDS                                 the answer comes later
//         saturate                                      all output codes are the largest (product)
//         zero                                          all output codes or weights are 0 (product, read)
// Example: chip.driver_faults=product@100=timeout,program@3=worn
#ifndef DRIVER_FAULTS_H
#define DRIVER_FAULTS_H

enum { FAULTS_MAX = 32 };

#endif
