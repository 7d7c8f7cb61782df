/* Reading the kernel's structures. OFFSET_<struct>__<field>__<field> is defined by the loader for every
 * such name that the programs use, from the running kernel's BTF.
 */
#pragma once

#define READ(type, pointer, offset)                                                             \
    ({                                                                                          \
        type value_ = 0;                                                                        \
        bpf_probe_read_kernel(&value_, sizeof(value_), (const char *)(pointer) + (offset));     \
        value_;                                                                                 \
    })

#define READ_POINTER(pointer, offset) READ(const void *, pointer, offset)

#define INLINE static inline __attribute__((always_inline))

/* Keeps the compiler from taking back a bound that the verifier has to see. */
#define HIDE(variable) asm volatile("" : "+r"(variable))
