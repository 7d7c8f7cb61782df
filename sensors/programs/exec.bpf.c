/* A process became another program: sched_process_exec(task, old pid, bprm). */

struct exec_scratch {
    struct writer writer;
    struct exec_record record;
    char texts[TEXT_AREA + TEXT_SLACK];
};
BPF_PERCPU_ARRAY(exec_scratches, struct exec_scratch, 1);

INLINE void put_identity(struct exec_record *record, const void *task)
{
    const void *credentials = READ_POINTER(task, OFFSET_task_struct__cred);
    record->uid = READ(u32, credentials, OFFSET_cred__uid);
    record->gid = READ(u32, credentials, OFFSET_cred__gid);
    const void *namespace = READ_POINTER(credentials, OFFSET_cred__user_ns);
    record->user_namespace = READ(u32, namespace, OFFSET_user_namespace__ns__inum);

    const void *proxy = READ_POINTER(task, OFFSET_task_struct__nsproxy);
    namespace = READ_POINTER(proxy, OFFSET_nsproxy__mnt_ns);
    record->mnt_namespace = READ(u32, namespace, OFFSET_mnt_namespace__ns__inum);
    namespace = READ_POINTER(proxy, OFFSET_nsproxy__net_ns);
    record->net_namespace = READ(u32, namespace, OFFSET_net__ns__inum);
    namespace = READ_POINTER(proxy, OFFSET_nsproxy__uts_ns);
    record->uts_namespace = READ(u32, namespace, OFFSET_uts_namespace__ns__inum);
    namespace = READ_POINTER(proxy, OFFSET_nsproxy__ipc_ns);
    record->ipc_namespace = READ(u32, namespace, OFFSET_ipc_namespace__ns__inum);
    namespace = READ_POINTER(proxy, OFFSET_nsproxy__cgroup_ns);
    record->cgroup_namespace = READ(u32, namespace, OFFSET_cgroup_namespace__ns__inum);

    const void *pid = READ_POINTER(task, OFFSET_task_struct__thread_pid);
    u32 level = READ(u32, pid, OFFSET_pid__level);
    const void *number = pid + OFFSET_pid__numbers + level * SIZE_upid;
    record->namespace_pid = READ(u32, number, OFFSET_upid__nr);
    namespace = READ_POINTER(number, OFFSET_upid__ns);
    record->pid_namespace = READ(u32, namespace, OFFSET_pid_namespace__ns__inum);

    const void *signal = READ_POINTER(task, OFFSET_task_struct__signal);
    const void *tty = READ_POINTER(signal, OFFSET_signal_struct__tty);
    if (tty)
        bpf_probe_read_kernel_str(record->tty, TTY_BYTES, tty + OFFSET_tty_struct__name);
}

/* The thread group leader of a task's parent, or NULL above the first process. */
INLINE const void *parent_of(const void *task)
{
    const void *parent = READ_POINTER(task, OFFSET_task_struct__real_parent);
    const void *leader = READ_POINTER(parent, OFFSET_task_struct__group_leader);
    return READ(u32, leader, OFFSET_task_struct__tgid) ? leader : NULL;
}

INLINE void put_ancestors(struct exec_record *record, const void *parent)
{
    const void *task = parent;
#pragma clang loop unroll(full)
    for (int i = 0; i < ANCESTORS; i++) {
        if (!task)
            return;
        struct ancestor *ancestor = &record->ancestors[i];
        ancestor->pid = READ(u32, task, OFFSET_task_struct__tgid);
        ancestor->start_ns = start_of(task);
        const void *program = program_of(task);
        if (program) {
            const void *inode = READ_POINTER(program, OFFSET_file__f_inode);
            const void *superblock = READ_POINTER(inode, OFFSET_inode__i_sb);
            ancestor->inode = READ(u64, inode, OFFSET_inode__i_ino);
            ancestor->device = READ(u32, superblock, OFFSET_super_block__s_dev);
        }
        record->ancestor_count = i + 1;
        task = parent_of(task);
    }
    if (task)
        record->head.flags |= EXEC_MORE_ANCESTORS;
}

INLINE void append_source(struct exec_record *record, volatile struct writer *writer, char *texts,
                          const void *task)
{
    u64 key = (u64)task;
    struct source *source = sources.lookup(&key);
    if (!source)
        return;
    if (source->start_ns == start_of(task)) {
        u64 length = source->file.path_bytes;
        HIDE(length);
        if (length > sizeof(source->path))
            length = sizeof(source->path);
        __builtin_memcpy(&record->source, &source->file, sizeof(record->source));
        bpf_probe_read_kernel(text_at(texts, writer), length, source->path);
        writer->cursor += length;
    }
    sources.delete(&key);
}

INLINE void append_directory(struct exec_record *record, volatile struct writer *writer, char *texts,
                             const void *task)
{
    const void *directory = READ_POINTER(task, OFFSET_task_struct__fs) + OFFSET_fs_struct__pwd;
    u32 start = writer->cursor;
    append_path(writer, texts, READ_POINTER(directory, OFFSET_path__mnt),
                READ_POINTER(directory, OFFSET_path__dentry));
    record->cwd_bytes = writer->cursor - start;
    if (writer->flags & FILE_TRUNCATED)
        record->head.flags |= EXEC_CWD_TRUNCATED;
}

INLINE void append_filename(struct exec_record *record, volatile struct writer *writer, char *texts,
                            const void *bprm)
{
    const void *filename = READ_POINTER(bprm, OFFSET_linux_binprm__filename);
    if (filename != READ_POINTER(bprm, OFFSET_linux_binprm__interp))
        record->head.flags |= EXEC_SCRIPT;
    long length = bpf_probe_read_kernel_str(text_at(texts, writer), FILENAME_BYTES, filename);
    if (length <= 0)
        return;
    record->filename_bytes = length;
    writer->cursor += length;
    if (length == FILENAME_BYTES)
        record->head.flags |= EXEC_FILENAME_TRUNCATED;
}

INLINE void append_args(struct exec_record *record, volatile struct writer *writer, char *texts,
                        const void *task)
{
    const void *memory = READ_POINTER(task, OFFSET_task_struct__mm);
    u64 start = READ(u64, memory, OFFSET_mm_struct__arg_start);
    u64 end = READ(u64, memory, OFFSET_mm_struct__arg_end);
    u64 total = end > start ? end - start : 0;
    u64 length = total > ARGS_BYTES ? ARGS_BYTES : total;
    HIDE(length);
    if (length > ARGS_BYTES)
        return;
    record->args_total = total;
    if (bpf_probe_read_user(text_at(texts, writer), length, (const void *)start)) {
        record->head.flags |= EXEC_ARGS_UNREADABLE;
        return;
    }
    record->args_bytes = length;
    writer->cursor += length;
}

int on_exec(struct bpf_raw_tracepoint_args *context)
{
    const void *task = (const void *)context->args[0];
    const void *bprm = (const void *)context->args[2];
    u32 first = 0;
    struct exec_scratch *scratch = exec_scratches.lookup(&first);
    struct cpu_counters *balance = admit(task);
    if (!scratch || !balance)
        return 0;
    struct exec_record *record = &scratch->record;
    volatile struct writer *writer = &scratch->writer;
    char *texts = scratch->texts;
    const void *parent = parent_of(task);

    __builtin_memset(record, 0, sizeof(*record));
    record->head.head_bytes = sizeof(*record);
    record->head.kind = KIND_EXEC;
    begin_record(&record->head, balance, task);
    put_identity(record, task);
    put_ancestors(record, parent);
    writer->cursor = 0;
    append_file(&record->file, writer, texts, READ_POINTER(bprm, OFFSET_linux_binprm__file));
    append_file(&record->parent, writer, texts, parent ? program_of(parent) : NULL);
    append_source(record, writer, texts, task);
    append_directory(record, writer, texts, task);
    append_filename(record, writer, texts, bprm);
    append_args(record, writer, texts, task);

    u64 length = writer->cursor;
    HIDE(length);
    if (length > TEXT_AREA)
        length = TEXT_AREA;
    if (process_ring.ringbuf_output(record, sizeof(*record) + length, BPF_RB_NO_WAKEUP))
        balance->lost++;
    return 0;
}
