/* Pages of program and libraries that were read once and lie in the page cache
 * anyway. The dynamic linker reads megabytes of tables to find a thousand names;
 * a start of OpenSSL touches most of its code. Any thread. */
#ifndef VCH_AGENT_PAGES_H
#define VCH_AGENT_PAGES_H

/* Gives all of them back to the kernel; what is needed again comes again from
 * the page cache. Nothing that was written is among them. */
void vch_pages_let_go(void);

#endif
