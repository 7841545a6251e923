/* Points at which a test lets the process die, as a power cut would. Compiled
 * in by -DVOUCH_FAULTS=ON alone; a release has none. A test names one in the
 * file that VOUCH_FAULT_FILE names, "register.saved 1": the first time that
 * point is passed after the file was written the process kills itself. Any
 * thread.
 */
#ifndef VCH_BASE_FAULT_H
#define VCH_BASE_FAULT_H

#ifdef VCH_FAULTS
void vch_fault_point(const char *name);
#define VCH_FAULT_POINT(name) vch_fault_point(name)
#else
#define VCH_FAULT_POINT(name) ((void)0)
#endif

#endif
