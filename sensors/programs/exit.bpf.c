/* The last thread of a process that had run a program ended: sched_process_exit(task, group dead). */

#define PF_FORKNOEXEC 0x40 /* forked, and never became another program */
#define SIGNAL_GROUP_EXIT 0x4

#ifndef EXIT_SAYS_GROUP_DEAD
/* Before 6.16 the tracepoint does not say whose exit ended the group, and two that end at once can both
 * see no thread alive: the first to write its key reports. */
BPF_TABLE("lru_hash", u64, u8, ended_groups, 1024);
#endif

INLINE int is_last(struct bpf_raw_tracepoint_args *context, const void *leader, const void *signal)
{
#ifdef EXIT_SAYS_GROUP_DEAD
    return context->args[1] & 1;
#else
    if (READ(u32, signal, OFFSET_signal_struct__live))
        return 0;
    u64 key = start_of(leader) ^ (u64)READ(u32, leader, OFFSET_task_struct__tgid) << 40;
    u8 one = 1;
    return ended_groups.insert(&key, &one) == 0;
#endif
}

int on_exit(struct bpf_raw_tracepoint_args *context)
{
    const void *task = (const void *)context->args[0];
    const void *leader = READ_POINTER(task, OFFSET_task_struct__group_leader);
    const void *signal = READ_POINTER(task, OFFSET_task_struct__signal);
    if (READ(u32, leader, OFFSET_task_struct__flags) & PF_FORKNOEXEC)
        return 0;
    if (!is_last(context, leader, signal))
        return 0;
    struct cpu_counters *balance = admit(leader);
    if (!balance)
        return 0;
    struct exit_record record = {};
    record.head.head_bytes = sizeof(record);
    record.head.kind = KIND_EXIT;
    begin_record(&record.head, balance, leader);
    record.code = READ(u32, signal, OFFSET_signal_struct__flags) & SIGNAL_GROUP_EXIT
                      ? READ(u32, signal, OFFSET_signal_struct__group_exit_code)
                      : READ(u32, leader, OFFSET_task_struct__exit_code);
    const void *program = program_of(task);
    if (program) {
        const void *inode = READ_POINTER(program, OFFSET_file__f_inode);
        const void *superblock = READ_POINTER(inode, OFFSET_inode__i_sb);
        record.inode = READ(u64, inode, OFFSET_inode__i_ino);
        record.device = READ(u32, superblock, OFFSET_super_block__s_dev);
    }
    if (process_ring.ringbuf_output(&record, sizeof(record), BPF_RB_NO_WAKEUP))
        balance->lost++;
    return 0;
}
