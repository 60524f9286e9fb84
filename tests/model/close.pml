/*
 * Close never waits: op.pml with a kernel that may keep a call for ever. The closer comes to its end all
 * the same, and every request ends, since none was ever the kernel's. No fairness is assumed: each run
 * of the model comes to an end, and the formula holds of it.
 *
 * It mirrors what op.pml does, spry_stream_close above all. Bounds: one read, one write; no canceller.
 */
#define CLOSE
#define READS  1
#define WRITES 1
#include "op.pml"

ltl close_returns {
    [] (closing -> <> closed) && <> (ends[IN] == READS && ends[OUT] == WRITES)
}
