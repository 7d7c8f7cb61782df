"""Errors that whoever runs a command or a service can mend.

    OperatorError
    ├── SettingsError                        (lictor)          what was given is wrong
    ├── RecordingError, PlaybackError        (lictor.pipeline)
    ├── LocalRuntimeError and its kin        (lictor.runtime)  this machine
    ├── SampleError                          (lictor.sample)
    ├── TopicError, PolicyLogError           (wire)            Kafka
    ├── AccessError, RefusedError            (wire)            who one is at Kafka, and what one may do
    ├── PrivilegeError                       (wire)
    ├── NoCgroup2Error, IdentityMapError     (workloads)
    ├── KernelSensorError, PublishError      (sensors)
    ├── EnforcerError, OwnPidsError          (enforcer)
    └── SourceError, WriterError, DeadLetterError, InstallError, KibanaError,
        and an AccessError of its own        (dashboards)      Elasticsearch and Kibana

Their text is a sentence that says what is wrong and what to do; the command prints it instead of a
traceback. Everything else is a fault of ours and shows where it happened.
"""


class OperatorError(Exception):
    """Something that whoever runs this can mend; the message says what to do."""
