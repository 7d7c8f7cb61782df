/* Who executes: the program that runs while execve(2) is under way, before the new one takes its place.
 *
 * Remembered by task from the start of an execve to its success. A new execve of the task overwrites
 * what a failed one left; where room is short, the oldest is forgotten and the exec has no source.
 */

struct source {
    u64 start_ns; /* of the thread group, which an exec keeps: an address used again is not taken for it */
    struct file_facts file;
    char path[PATH_BYTES + 2 * COMPONENT_BYTES];
};
BPF_TABLE("lru_hash", u64, struct source, sources, SOURCES);

struct source_scratch {
    struct writer writer;
    struct source source;
    char unused[TEXT_AREA + COMPONENT_BYTES - sizeof(((struct source *)0)->path)];
};
BPF_PERCPU_ARRAY(source_scratches, struct source_scratch, 1);

INLINE int remember_source(void)
{
    u32 first = 0;
    struct source_scratch *scratch = source_scratches.lookup(&first);
    if (!scratch)
        return 0;
    struct source *source = &scratch->source;
    u64 task = bpf_get_current_task();
    __builtin_memset(&source->file, 0, sizeof(source->file));
    source->start_ns = start_of(READ_POINTER(task, OFFSET_task_struct__group_leader));
    scratch->writer.cursor = 0;
    append_file(&source->file, &scratch->writer, source->path, program_of((const void *)task));
    sources.update(&task, source);
    return 0;
}

int on_prepare_exec(struct bpf_raw_tracepoint_args *context)
{
    return remember_source();
}

/* Kernels before 6.10 have no sched_prepare_exec. */
int on_enter_execve(void *context)
{
    return remember_source();
}
