# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_meshobs_global_optspecs
    string join \n h/help V/version
end

function __fish_meshobs_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_meshobs_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_meshobs_using_subcommand
    set -l cmd (__fish_meshobs_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c meshobs -n "__fish_meshobs_needs_command" -s h -l help -d 'Print help'
complete -c meshobs -n "__fish_meshobs_needs_command" -s V -l version -d 'Print version'
complete -c meshobs -n "__fish_meshobs_needs_command" -f -a "patch" -d 'Add namespace, scrape annotation and RUM image to manifests'
complete -c meshobs -n "__fish_meshobs_needs_command" -f -a "fn" -d 'Patch the items of a ResourceList, as a KRM function of kustomize or kpt'
complete -c meshobs -n "__fish_meshobs_needs_command" -f -a "unpatch" -d 'Take out of manifests what patch with the same settings put in'
complete -c meshobs -n "__fish_meshobs_needs_command" -f -a "init" -d 'Print files to start from'
complete -c meshobs -n "__fish_meshobs_needs_command" -f -a "install" -d 'Install all of it into a cluster, with a plan first'
complete -c meshobs -n "__fish_meshobs_needs_command" -f -a "uninstall" -d 'Undo what install did'
complete -c meshobs -n "__fish_meshobs_needs_command" -f -a "status" -d 'Tell what install recorded, and whether it is there'
complete -c meshobs -n "__fish_meshobs_needs_command" -f -a "check" -d 'Tell what keeps the mesh from being observable, in files or in the cluster'
complete -c meshobs -n "__fish_meshobs_needs_command" -f -a "verify" -d 'Prove that telemetry flows, by what DataKit counts'
complete -c meshobs -n "__fish_meshobs_needs_command" -f -a "explain" -d 'Print what a check looks at, how its fault shows, and how to fix it'
complete -c meshobs -n "__fish_meshobs_needs_command" -f -a "completion" -d 'Print the completion script of a shell'
complete -c meshobs -n "__fish_meshobs_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -s o -l output -d 'Write to a directory (a tree in, the same tree out), or for one input to a .yaml, .yml or .json file' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l backup -d 'With --in-place, keep each replaced file under its name and this suffix' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -s U -l unified -d 'Lines of context in the diff' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l color -d 'Colours in the diff' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l for -d 'Print for this program (Helm is also known by its marks in what comes from stdin)' -r -f -a "helm\t'Helm, whose post-renderer this is: namespaces are left to Helm, and the output is never empty'"
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l report -d 'Format of the report' -r -f -a "text\t'Lines for people'
json\t'One JSON document'"
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l report-file -d 'Write the report, or the errors, to this file too, also with --quiet' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l only -d 'Run only these rules' -r -f -a "namespace\t''
metrics\t''
rum\t''
datakit\t''
tracing\t''"
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l skip -d 'Run all default rules but these' -r -f -a "namespace\t''
metrics\t''
rum\t''
datakit\t''
tracing\t''"
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l with -d 'Run these too, though they are off by default' -r -f -a "namespace\t''
metrics\t''
rum\t''
datakit\t''
tracing\t''"
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l exclude -d 'Leave out files of directories by name, or by path where the glob has a `/` (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l kustomize -d 'Files that a Kustomization lists [default: refuse]' -r -f -a "refuse\t'They are refused: patch what `kubectl kustomize` prints instead'
ignore\t'They are patched like other files'"
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -s n -l namespace -d 'Namespace for resources that have none [default: prod]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l cluster-scoped -d 'Treat a kind as cluster-scoped, so that it gets no namespace (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l metrics-profile -d 'Set of defaults for the settings below [default: guide]' -r -f -a "guide\t'All counters, gauges and histograms, every 10 s'
lean\t'The families and labels that dashboards need, every 60 s: far fewer time series'"
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l metrics-url -d 'Where the metrics are, instead of port and path [default: http://$IP:15020/stats/prometheus]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l metrics-port -d 'Port of the metrics [default: 15020]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l metrics-path -d 'Path of the metrics [default: /stats/prometheus]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l metrics-types -d 'Metric types to collect [default: counter,gauge,histogram]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l metrics-interval -d 'Time between two scrapes [default: 10s]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l metrics-measurement -d 'Measurement to store in [default: istio_prom]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l metrics-name-filter -d 'Regular expressions on names of metric families; others are dropped' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l metrics-tags-ignore -d 'Labels to drop' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l metrics-tag -d 'Tag to add; an empty value removes a default one (repeatable) [default: namespace, pod_name]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l metrics-source -d 'Collector\'s name; knows {app} {version} {workload} {kind} {namespace} [default: minik8s-istio-{app}]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l rum-image -d 'Image in place of bookinfo\'s productpage [default: product-page:v1]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l rum-mode -d 'How the page with browser monitoring gets into the pod [default: image]' -r -f -a "image\t'Another image in place of the published one'
configmap\t'A ConfigMap with the page, mounted over the image\'s own: nothing to build'"
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l rum-config-map -d 'ConfigMap with the page, for --rum-mode configmap [default: productpage-rum]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l image -d 'Replace another image; OLD without a tag means every tag (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l token-file -d 'File with DataKit\'s token; else the variable MESHOBS_TOKEN' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l dataway -d 'Address that DataKit uploads to (repeatable) [default: the one that is there, or Guance\'s]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l token-secret -d 'Put the address and its token into a Secret of this name' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l collector -d 'How DataKit is told what to collect [default: configmap]' -r -f -a "configmap\t'Files in the ConfigMap, mounted one by one: every version'
env\t'One environment variable, no ConfigMap and no mounts: DataKit 1.23 and later'
kubernetesprometheus\t'DataKit\'s newer collector for pods and istiod, without annotations on pods: DataKit 1.34 and later'"
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l datakit-version -d 'DataKit\'s version [default: read from the image\'s tag]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l cluster-name -d 'Name of the cluster, for all that DataKit collects and elects' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l global-tags -d 'Tag for all that DataKit collects (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l enable-inputs -d 'Inputs for DataKit to enable' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l tracing-mode -d 'What is written into the mesh configuration [default: mesh-config]' -r -f -a "mesh-config\t'`defaultConfig.tracing.zipkin.address`: works at every version, reaches proxies when they restart'
telemetry\t'An extension provider for the Telemetry API: from 1.12.2, reaches proxies within seconds'"
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l tracing-address -d 'Address for spans [default: $(HOST_IP):9529 from Istio 1.9, else DataKit\'s Service]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l tracing-sampling -d 'Share of requests to trace, in percent [default: as it is]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l istio-version -d 'Istio\'s version [default: read from the object\'s labels]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l istio-namespace -d 'Namespace of istiod [default: istio-system]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l revision -d 'Revision of istiod, whose ConfigMap is `istio-REVISION`' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l datakit-namespace -d 'Namespace of DataKit [default: datakit]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -s i -l in-place -d 'Replace the files, all or none'
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l diff -d 'Print a unified diff instead of manifests'
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l show-secrets -d 'Show tokens in the diff'
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l check -d 'Write nothing; exit with 1 if anything would change'
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -s q -l quiet -d 'No report on stderr; errors are still printed'
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -s v -l verbose -d 'Report what is no Kubernetes object, too'
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l overwrite -d 'Replace values that are there and differ (another namespace, another scrape annotation)'
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l strict -d 'Fail, with nothing on stdout, where a skip leaves a resource unobserved'
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l no-image-comment -d 'Leave no comment line with the old image'
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l gateways -d 'Scrape the ingress and egress gateways, too (through the Services of `init gateway-metrics`)'
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -l ipv6 -d 'The nodes have IPv6 addresses, so spans go to DataKit\'s Service [default: as a Service in the input tells]'
complete -c meshobs -n "__fish_meshobs_using_subcommand patch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l only -d 'Run only these rules' -r -f -a "namespace\t''
metrics\t''
rum\t''
datakit\t''
tracing\t''"
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l skip -d 'Run all default rules but these' -r -f -a "namespace\t''
metrics\t''
rum\t''
datakit\t''
tracing\t''"
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l with -d 'Run these too, though they are off by default' -r -f -a "namespace\t''
metrics\t''
rum\t''
datakit\t''
tracing\t''"
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l exclude -d 'Leave out files of directories by name, or by path where the glob has a `/` (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l kustomize -d 'Files that a Kustomization lists [default: refuse]' -r -f -a "refuse\t'They are refused: patch what `kubectl kustomize` prints instead'
ignore\t'They are patched like other files'"
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -s n -l namespace -d 'Namespace for resources that have none [default: prod]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l cluster-scoped -d 'Treat a kind as cluster-scoped, so that it gets no namespace (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l metrics-profile -d 'Set of defaults for the settings below [default: guide]' -r -f -a "guide\t'All counters, gauges and histograms, every 10 s'
lean\t'The families and labels that dashboards need, every 60 s: far fewer time series'"
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l metrics-url -d 'Where the metrics are, instead of port and path [default: http://$IP:15020/stats/prometheus]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l metrics-port -d 'Port of the metrics [default: 15020]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l metrics-path -d 'Path of the metrics [default: /stats/prometheus]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l metrics-types -d 'Metric types to collect [default: counter,gauge,histogram]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l metrics-interval -d 'Time between two scrapes [default: 10s]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l metrics-measurement -d 'Measurement to store in [default: istio_prom]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l metrics-name-filter -d 'Regular expressions on names of metric families; others are dropped' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l metrics-tags-ignore -d 'Labels to drop' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l metrics-tag -d 'Tag to add; an empty value removes a default one (repeatable) [default: namespace, pod_name]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l metrics-source -d 'Collector\'s name; knows {app} {version} {workload} {kind} {namespace} [default: minik8s-istio-{app}]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l rum-image -d 'Image in place of bookinfo\'s productpage [default: product-page:v1]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l rum-mode -d 'How the page with browser monitoring gets into the pod [default: image]' -r -f -a "image\t'Another image in place of the published one'
configmap\t'A ConfigMap with the page, mounted over the image\'s own: nothing to build'"
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l rum-config-map -d 'ConfigMap with the page, for --rum-mode configmap [default: productpage-rum]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l image -d 'Replace another image; OLD without a tag means every tag (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l token-file -d 'File with DataKit\'s token; else the variable MESHOBS_TOKEN' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l dataway -d 'Address that DataKit uploads to (repeatable) [default: the one that is there, or Guance\'s]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l token-secret -d 'Put the address and its token into a Secret of this name' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l collector -d 'How DataKit is told what to collect [default: configmap]' -r -f -a "configmap\t'Files in the ConfigMap, mounted one by one: every version'
env\t'One environment variable, no ConfigMap and no mounts: DataKit 1.23 and later'
kubernetesprometheus\t'DataKit\'s newer collector for pods and istiod, without annotations on pods: DataKit 1.34 and later'"
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l datakit-version -d 'DataKit\'s version [default: read from the image\'s tag]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l cluster-name -d 'Name of the cluster, for all that DataKit collects and elects' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l global-tags -d 'Tag for all that DataKit collects (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l enable-inputs -d 'Inputs for DataKit to enable' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l tracing-mode -d 'What is written into the mesh configuration [default: mesh-config]' -r -f -a "mesh-config\t'`defaultConfig.tracing.zipkin.address`: works at every version, reaches proxies when they restart'
telemetry\t'An extension provider for the Telemetry API: from 1.12.2, reaches proxies within seconds'"
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l tracing-address -d 'Address for spans [default: $(HOST_IP):9529 from Istio 1.9, else DataKit\'s Service]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l tracing-sampling -d 'Share of requests to trace, in percent [default: as it is]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l istio-version -d 'Istio\'s version [default: read from the object\'s labels]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l istio-namespace -d 'Namespace of istiod [default: istio-system]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l revision -d 'Revision of istiod, whose ConfigMap is `istio-REVISION`' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l datakit-namespace -d 'Namespace of DataKit [default: datakit]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l overwrite -d 'Replace values that are there and differ (another namespace, another scrape annotation)'
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l strict -d 'Fail, with nothing on stdout, where a skip leaves a resource unobserved'
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l no-image-comment -d 'Leave no comment line with the old image'
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l gateways -d 'Scrape the ingress and egress gateways, too (through the Services of `init gateway-metrics`)'
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -l ipv6 -d 'The nodes have IPv6 addresses, so spans go to DataKit\'s Service [default: as a Service in the input tells]'
complete -c meshobs -n "__fish_meshobs_using_subcommand fn" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -s o -l output -d 'Write to a directory (a tree in, the same tree out), or for one input to a .yaml, .yml or .json file' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l backup -d 'With --in-place, keep each replaced file under its name and this suffix' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -s U -l unified -d 'Lines of context in the diff' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l color -d 'Colours in the diff' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l for -d 'Print for this program (Helm is also known by its marks in what comes from stdin)' -r -f -a "helm\t'Helm, whose post-renderer this is: namespaces are left to Helm, and the output is never empty'"
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l report -d 'Format of the report' -r -f -a "text\t'Lines for people'
json\t'One JSON document'"
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l report-file -d 'Write the report, or the errors, to this file too, also with --quiet' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l only -d 'Run only these rules' -r -f -a "namespace\t''
metrics\t''
rum\t''
datakit\t''
tracing\t''"
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l skip -d 'Run all default rules but these' -r -f -a "namespace\t''
metrics\t''
rum\t''
datakit\t''
tracing\t''"
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l with -d 'Run these too, though they are off by default' -r -f -a "namespace\t''
metrics\t''
rum\t''
datakit\t''
tracing\t''"
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l exclude -d 'Leave out files of directories by name, or by path where the glob has a `/` (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l kustomize -d 'Files that a Kustomization lists [default: refuse]' -r -f -a "refuse\t'They are refused: patch what `kubectl kustomize` prints instead'
ignore\t'They are patched like other files'"
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -s n -l namespace -d 'Namespace for resources that have none [default: prod]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l cluster-scoped -d 'Treat a kind as cluster-scoped, so that it gets no namespace (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l metrics-profile -d 'Set of defaults for the settings below [default: guide]' -r -f -a "guide\t'All counters, gauges and histograms, every 10 s'
lean\t'The families and labels that dashboards need, every 60 s: far fewer time series'"
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l metrics-url -d 'Where the metrics are, instead of port and path [default: http://$IP:15020/stats/prometheus]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l metrics-port -d 'Port of the metrics [default: 15020]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l metrics-path -d 'Path of the metrics [default: /stats/prometheus]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l metrics-types -d 'Metric types to collect [default: counter,gauge,histogram]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l metrics-interval -d 'Time between two scrapes [default: 10s]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l metrics-measurement -d 'Measurement to store in [default: istio_prom]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l metrics-name-filter -d 'Regular expressions on names of metric families; others are dropped' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l metrics-tags-ignore -d 'Labels to drop' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l metrics-tag -d 'Tag to add; an empty value removes a default one (repeatable) [default: namespace, pod_name]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l metrics-source -d 'Collector\'s name; knows {app} {version} {workload} {kind} {namespace} [default: minik8s-istio-{app}]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l rum-image -d 'Image in place of bookinfo\'s productpage [default: product-page:v1]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l rum-mode -d 'How the page with browser monitoring gets into the pod [default: image]' -r -f -a "image\t'Another image in place of the published one'
configmap\t'A ConfigMap with the page, mounted over the image\'s own: nothing to build'"
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l rum-config-map -d 'ConfigMap with the page, for --rum-mode configmap [default: productpage-rum]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l token-file -d 'File with DataKit\'s token; else the variable MESHOBS_TOKEN' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l dataway -d 'Address that DataKit uploads to (repeatable) [default: the one that is there, or Guance\'s]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l token-secret -d 'Put the address and its token into a Secret of this name' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l collector -d 'How DataKit is told what to collect [default: configmap]' -r -f -a "configmap\t'Files in the ConfigMap, mounted one by one: every version'
env\t'One environment variable, no ConfigMap and no mounts: DataKit 1.23 and later'
kubernetesprometheus\t'DataKit\'s newer collector for pods and istiod, without annotations on pods: DataKit 1.34 and later'"
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l datakit-version -d 'DataKit\'s version [default: read from the image\'s tag]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l cluster-name -d 'Name of the cluster, for all that DataKit collects and elects' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l global-tags -d 'Tag for all that DataKit collects (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l enable-inputs -d 'Inputs for DataKit to enable' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l tracing-mode -d 'What is written into the mesh configuration [default: mesh-config]' -r -f -a "mesh-config\t'`defaultConfig.tracing.zipkin.address`: works at every version, reaches proxies when they restart'
telemetry\t'An extension provider for the Telemetry API: from 1.12.2, reaches proxies within seconds'"
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l tracing-address -d 'Address for spans [default: $(HOST_IP):9529 from Istio 1.9, else DataKit\'s Service]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l tracing-sampling -d 'Share of requests to trace, in percent [default: as it is]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l istio-version -d 'Istio\'s version [default: read from the object\'s labels]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l istio-namespace -d 'Namespace of istiod [default: istio-system]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l revision -d 'Revision of istiod, whose ConfigMap is `istio-REVISION`' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l datakit-namespace -d 'Namespace of DataKit [default: datakit]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l image -d 'The image OLD that is now NEW, where patch was not told by file or variable (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -s i -l in-place -d 'Replace the files, all or none'
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l diff -d 'Print a unified diff instead of manifests'
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l show-secrets -d 'Show tokens in the diff'
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l check -d 'Write nothing; exit with 1 if anything would change'
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -s q -l quiet -d 'No report on stderr; errors are still printed'
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -s v -l verbose -d 'Report what is no Kubernetes object, too'
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l no-image-comment -d 'Leave no comment line with the old image'
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l gateways -d 'Scrape the ingress and egress gateways, too (through the Services of `init gateway-metrics`)'
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l ipv6 -d 'The nodes have IPv6 addresses, so spans go to DataKit\'s Service [default: as a Service in the input tells]'
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l overwrite -d 'Replace values that are there and differ (another namespace, another scrape annotation)'
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -l strict -d 'Fail, with nothing on stdout, where a skip leaves a resource unobserved'
complete -c meshobs -n "__fish_meshobs_using_subcommand unpatch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and not __fish_seen_subcommand_from config datakit namespace gateway-metrics tracing policy rum nginx drill help" -s h -l help -d 'Print help'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and not __fish_seen_subcommand_from config datakit namespace gateway-metrics tracing policy rum nginx drill help" -f -a "config" -d 'Print a meshobs.toml with all settings and their defaults'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and not __fish_seen_subcommand_from config datakit namespace gateway-metrics tracing policy rum nginx drill help" -f -a "datakit" -d 'Print DataKit\'s manifest with token and collectors, or edit yours'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and not __fish_seen_subcommand_from config datakit namespace gateway-metrics tracing policy rum nginx drill help" -f -a "namespace" -d 'Print Namespaces whose pods get a sidecar'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and not __fish_seen_subcommand_from config datakit namespace gateway-metrics tracing policy rum nginx drill help" -f -a "gateway-metrics" -d 'Print the Services by which DataKit reaches the metrics of Istio\'s gateways'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and not __fish_seen_subcommand_from config datakit namespace gateway-metrics tracing policy rum nginx drill help" -f -a "tracing" -d 'Print what sends Istio\'s spans to DataKit'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and not __fish_seen_subcommand_from config datakit namespace gateway-metrics tracing policy rum nginx drill help" -f -a "policy" -d 'Print a policy by which the cluster itself adds the scrape annotation to new pods'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and not __fish_seen_subcommand_from config datakit namespace gateway-metrics tracing policy rum nginx drill help" -f -a "rum" -d 'Put browser monitoring into an application\'s page'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and not __fish_seen_subcommand_from config datakit namespace gateway-metrics tracing policy rum nginx drill help" -f -a "nginx" -d 'Print a configuration of nginx in front of the mesh, or edit yours'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and not __fish_seen_subcommand_from config datakit namespace gateway-metrics tracing policy rum nginx drill help" -f -a "drill" -d 'Print what delays or aborts requests of one user'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and not __fish_seen_subcommand_from config datakit namespace gateway-metrics tracing policy rum nginx drill help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from config" -s o -l output -d 'Write to a file instead of stdout; one that is there is not replaced' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from config" -s h -l help -d 'Print help'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l token -d 'DataKit\'s token; without a value it is asked for' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l from -d 'Edit this file instead of the built-in template; `-` is stdin' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l token-file -d 'File with DataKit\'s token; else the variable MESHOBS_TOKEN' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l dataway -d 'Address that DataKit uploads to (repeatable) [default: the one that is there, or Guance\'s]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l token-secret -d 'Put the address and its token into a Secret of this name' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l collector -d 'How DataKit is told what to collect [default: configmap]' -r -f -a "configmap\t'Files in the ConfigMap, mounted one by one: every version'
env\t'One environment variable, no ConfigMap and no mounts: DataKit 1.23 and later'
kubernetesprometheus\t'DataKit\'s newer collector for pods and istiod, without annotations on pods: DataKit 1.34 and later'"
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l datakit-version -d 'DataKit\'s version [default: read from the image\'s tag]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l cluster-name -d 'Name of the cluster, for all that DataKit collects and elects' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l global-tags -d 'Tag for all that DataKit collects (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l enable-inputs -d 'Inputs for DataKit to enable' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l env -d 'Variable of DataKit\'s environment to set (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l image -d 'Image of DataKit' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l datakit-namespace -d 'Namespace to put DataKit into [default: the file\'s]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l namespace -d 'Namespace of the applications, for --collector kubernetesprometheus [default: prod]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l istio-namespace -d 'Namespace of istiod [default: istio-system]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l revision -d 'Revision of istiod' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -s U -l unified -d 'Lines of context in the diff' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l color -d 'Colours in the diff' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -s o -l output -d 'Write to a file instead of stdout, in place of one that is there' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l template -d 'Start from this file instead of the built-in template' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l gateways -d 'Scrape the ingress and egress gateways, too (through the Services of `init gateway-metrics`)'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l rum -d 'Let DataKit take what browsers send (RUM)'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l overwrite -d 'Replace values that are there and differ'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l diff -d 'Print a unified diff against --from instead of manifests'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l show-secrets -d 'Show tokens in the diff'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -s q -l quiet -d 'No report on stderr; errors are still printed'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from datakit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from namespace" -l revision -d 'Sidecars of this revision of istiod (label istio.io/rev) instead of the default one' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from namespace" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from namespace" -s o -l output -d 'Write to a file instead of stdout, in place of one that is there' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from namespace" -l template -d 'Start from this file instead of the built-in template' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from namespace" -l ambient -d 'Ambient mode instead of sidecars; pods then have no port 15020 to scrape'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from namespace" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from namespace" -s h -l help -d 'Print help'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from gateway-metrics" -l ingress-selector -d 'Labels of the ingress gateway\'s pods' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from gateway-metrics" -l egress-selector -d 'Labels of the egress gateway\'s pods' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from gateway-metrics" -l istio-namespace -d 'Namespace of the gateways [default: istio-system]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from gateway-metrics" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from gateway-metrics" -s o -l output -d 'Write to a file instead of stdout, in place of one that is there' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from gateway-metrics" -l template -d 'Start from this file instead of the built-in template' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from gateway-metrics" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from gateway-metrics" -s h -l help -d 'Print help'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l mode -d 'How spans get to DataKit [default: by version]' -r -f -a "external-name\t'Two Services behind Istio\'s default address: before 1.22, no restart'
mesh-config\t'The address in the mesh configuration (--from): every version, proxies must restart'
telemetry\t'A provider in the mesh configuration (--from) and a Telemetry: from 1.12.2, no restart'
istio-operator\t'A fragment for `istioctl install -f`: new installations'
helm-values\t'A fragment for `helm install -f`: new installations'"
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l istio-version -d 'Istio\'s version' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l from -d 'ConfigMap `istio` or an IstioOperator to edit, and to read the version from; `-` is stdin' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l context -d 'Context of kubectl' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l kubeconfig -d 'Configuration of kubectl' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l request-timeout -d 'How long one request to the API server may take (30s, 2m)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l deadline -d 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l address -d 'Address for spans [default: $(HOST_IP):9529 from Istio 1.9, else DataKit\'s Service]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l sampling -d 'Share of requests to trace, in percent [default: 100 as in profile demo; mesh-config: as it is]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l istio-namespace -d 'Namespace of istiod [default: istio-system]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l revision -d 'Revision of istiod, whose ConfigMap is `istio-REVISION`' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l datakit-namespace -d 'Namespace of DataKit [default: datakit]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l datakit-selector -d 'Labels of DataKit\'s pods, for the Service of external-name [default: as --from or --detect tell, else app=daemonset-datakit; DataKit\'s Helm chart has app=datakit]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -s U -l unified -d 'Lines of context in the diff' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l color -d 'Colours in the diff' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -s o -l output -d 'Write to a file instead of stdout, in place of one that is there' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l template -d 'Start from this file instead of the built-in template' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l detect -d 'Ask the cluster for Istio\'s version and for DataKit, through kubectl'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l ipv6 -d 'The nodes have IPv6 addresses, so spans go to DataKit\'s Service [default: as --from or --detect tell]'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l overwrite -d 'Replace an address that is there and is not Istio\'s own'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -s q -l quiet -d 'No report on stderr; errors are still printed'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l diff -d 'Print a unified diff against --from instead of manifests'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -l show-secrets -d 'Show tokens in the diff'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from tracing" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l engine -d 'What applies the policy' -r -f -a "admission\t'The API server: a MutatingAdmissionPolicy, from Kubernetes 1.36'
kyverno\t'Kyverno, from 1.18: a MutatingPolicy with the settings in it'"
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l kubernetes-version -d 'Version of Kubernetes, which decides the version of the API [default: 1.36]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l context -d 'Context of kubectl' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l kubeconfig -d 'Configuration of kubectl' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l request-timeout -d 'How long one request to the API server may take (30s, 2m)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l deadline -d 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l namespace-selector -d 'Labels of the namespaces it is for [default: those that Istio\'s labels mark: istio-injection, istio.io/rev]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l exclude-namespace -d 'Namespaces to leave alone (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l istio-namespace -d 'Namespace of istiod [default: istio-system]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l datakit-namespace -d 'Namespace of DataKit, for the ConfigMap with the settings [default: datakit]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l metrics-profile -d 'Set of defaults for the settings below [default: guide]' -r -f -a "guide\t'All counters, gauges and histograms, every 10 s'
lean\t'The families and labels that dashboards need, every 60 s: far fewer time series'"
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l metrics-url -d 'Where the metrics are, instead of port and path [default: http://$IP:15020/stats/prometheus]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l metrics-port -d 'Port of the metrics [default: 15020]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l metrics-path -d 'Path of the metrics [default: /stats/prometheus]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l metrics-types -d 'Metric types to collect [default: counter,gauge,histogram]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l metrics-interval -d 'Time between two scrapes [default: 10s]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l metrics-measurement -d 'Measurement to store in [default: istio_prom]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l metrics-name-filter -d 'Regular expressions on names of metric families; others are dropped' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l metrics-tags-ignore -d 'Labels to drop' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l metrics-tag -d 'Tag to add; an empty value removes a default one (repeatable) [default: namespace, pod_name]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l metrics-source -d 'Collector\'s name; knows {app} {version} {workload} {kind} {namespace} [default: minik8s-istio-{app}]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -s o -l output -d 'Write to a file instead of stdout, in place of one that is there' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l template -d 'Start from this file instead of the built-in template' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l audit -d 'Warn about workloads without the annotation instead of adding it: a ValidatingAdmissionPolicy, from Kubernetes 1.30'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l detect -d 'Ask the cluster for its version and what it serves, through kubectl'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -s q -l quiet -d 'No report on stderr; errors are still printed'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from policy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l html -d 'The page: an HTML file or a Jinja template; `-` is stdin' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l app-id -d 'Id of the application in the console' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l datakit-origin -d 'DataKit that browsers send to, as scheme://host:port; `/` is the page\'s own origin (see init nginx --rum-proxy)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l site -d 'Public site to send to instead, with --client-token' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l client-token -d 'Client token for --site; it is readable in the page' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l env -d 'Environment' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l service -d 'Service [default: the SDK\'s, browser]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l app-version -d 'Version of the application' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l trace-type -d 'Headers that carry traces: zipkin is what Envoy takes [default: zipkin]' -r -f -a "zipkin\t''
zipkin_single_header\t''
ddtrace\t''
w3c_traceparent\t''
w3c_traceparent_64bit\t''
skywalking_v3\t''
jaeger\t''"
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l allowed-tracing-urls -d 'Addresses whose requests are traced, by their beginnings [default: the page\'s own origin]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l sdk-url -d 'Where the SDK is loaded from [default: the vendor\'s server, version 3]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l sample-rate -d 'Share of sessions to watch, in percent [default: 100]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l csp -d 'Content-Security-Policy that the page is served with, judged like its own `<meta>` tags (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l mode -d 'How the page reaches the cluster [default: print the page]' -r -f -a "image\t'A folder to build an image from (-o DIR): page and Dockerfile'
configmap\t'A ConfigMap with the page, to be mounted by `patch --rum-mode configmap`: nothing to build'"
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -s o -l output -d 'Write to a file in place of one that is there; with --mode image a folder' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l base-image -d 'Image to derive from, with --mode image [default: the published one that the page fits]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l dockerfile -d 'Dockerfile to adapt instead, with --mode image' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l rum-image -d 'Name of the new image, as `patch` puts it in [default: product-page:v1]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l push -d 'Registry and project to push the image to' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l rum-config-map -d 'Name of the ConfigMap, as `patch` mounts it [default: productpage-rum]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -s n -l namespace -d 'Namespace of the ConfigMap [default: prod]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l async -d 'Load the SDK without letting the page wait'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l replay -d 'Record sessions'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l csp-edit -d 'Extend the page\'s own Content-Security-Policy by what monitoring needs'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l allow-blocked -d 'Write the page even where a Content-Security-Policy blocks monitoring'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l overwrite -d 'Replace a snippet of ours that says something else'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l fragment -d 'Take a part of a page, without a head, for a page'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l remove -d 'Take our snippet out again; every byte is as it was before'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -s q -l quiet -d 'No report on stderr; errors are still printed'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from rum" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l listen -d 'Address and port to listen on [default: 80, or 443 with --tls-cert]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l server-name -d 'Name of the server (repeatable); `_` is any' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l tls-cert -d 'Certificate for TLS, at the path where nginx finds it; without --listen port 80 redirects to 443' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l tls-key -d 'Key of the certificate' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l max-body -d 'Largest body of a request, as in `10m`; 0 is any, and Envoy decides' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l timeout -d 'How long the mesh may send nothing, as in `300s` or `1h`' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l upstream -d 'Ingress gateway, as http://IP:PORT; required unless --detect finds it' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l context -d 'Context of kubectl' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l kubeconfig -d 'Configuration of kubectl' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l request-timeout -d 'How long one request to the API server may take (30s, 2m)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l deadline -d 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l istio-namespace -d 'Namespace of the ingress gateway, for --detect [default: istio-system]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l rum-proxy -d 'DataKit that /v1/write/rum is passed on to, as http://HOST:9529' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l from -d 'Put the server into this configuration; `-` is stdin' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l into -d 'Change the proxy_pass of a location in it, instead of adding a server' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l as -d 'Print a resource of Kubernetes that leads to the ingress gateway instead, where no nginx is in front' -r -f -a "ingress\t'An Ingress, with what ingress-nginx needs for uploads and streams'
httproute\t'An HTTPRoute of the Gateway API (--gateway)'"
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l ingress-class -d 'Class of the Ingress, for --as ingress' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l gateway -d 'Gateway that the route belongs to, for --as httproute' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -s o -l output -d 'Write to a file in place of one that is there' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l detect -d 'Ask minikube and kubectl where the ingress gateway is'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l remove -d 'Take out of it what was added, and bring back what --into changed'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l overwrite -d 'Replace a server of ours that says something else'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -s q -l quiet -d 'No report on stderr; errors are still printed'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from nginx" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -l service -d 'Service whose requests are hit' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -l subset -d 'Subset of the service, by its label `version`' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -l header -d 'Header that tells the user' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -l user -d 'User whose requests are hit' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -l delay -d 'How long they wait' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -l code -d 'Status they fail with' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -l percentage -d 'Share of the user\'s requests that is hit, in percent' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -s n -l namespace -d 'Namespace of the service [default: prod]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -l istio-version -d 'Istio\'s version, which decides the apiVersion [default: one that every version serves]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -s o -l output -d 'Write to a file instead of stdout, in place of one that is there' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -l template -d 'Start from this file instead of the built-in template' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -l no-destination-rule -d 'Leave out the DestinationRule; the subset is one of yours'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -l remove -d 'Print the command that ends the drill'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from drill" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from help" -f -a "config" -d 'Print a meshobs.toml with all settings and their defaults'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from help" -f -a "datakit" -d 'Print DataKit\'s manifest with token and collectors, or edit yours'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from help" -f -a "namespace" -d 'Print Namespaces whose pods get a sidecar'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from help" -f -a "gateway-metrics" -d 'Print the Services by which DataKit reaches the metrics of Istio\'s gateways'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from help" -f -a "tracing" -d 'Print what sends Istio\'s spans to DataKit'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from help" -f -a "policy" -d 'Print a policy by which the cluster itself adds the scrape annotation to new pods'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from help" -f -a "rum" -d 'Put browser monitoring into an application\'s page'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from help" -f -a "nginx" -d 'Print a configuration of nginx in front of the mesh, or edit yours'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from help" -f -a "drill" -d 'Print what delays or aborts requests of one user'
complete -c meshobs -n "__fish_meshobs_using_subcommand init; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l app -d 'Name of the application, for `status` and `uninstall --app` [default: that of its namespace]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l html -d 'Page to put browser monitoring into' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l only -d 'Install only these parts' -r -f -a "datakit\t'DataKit, or what the one that is there is told to collect'
tracing\t'What leads Istio\'s spans to DataKit'
namespace\t'The namespace of the application, and the label by which its pods get sidecars'
rum\t'The page with browser monitoring'
app\t'The application, patched'
gateways\t'Services for the gateways\' metrics'"
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l skip -d 'Install all parts but these: datakit, tracing, namespace, rum, app, gateways' -r -f -a "datakit\t'DataKit, or what the one that is there is told to collect'
tracing\t'What leads Istio\'s spans to DataKit'
namespace\t'The namespace of the application, and the label by which its pods get sidecars'
rum\t'The page with browser monitoring'
app\t'The application, patched'
gateways\t'Services for the gateways\' metrics'"
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l token -d 'DataKit\'s token; without a value it is asked for' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l token-file -d 'File with DataKit\'s token; else the variable MESHOBS_TOKEN' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l dataway -d 'Address that DataKit uploads to (repeatable) [default: the one that is there, or Guance\'s]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l token-secret -d 'Put the address and its token into a Secret of this name' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l collector -d 'How DataKit is told what to collect [default: configmap]' -r -f -a "configmap\t'Files in the ConfigMap, mounted one by one: every version'
env\t'One environment variable, no ConfigMap and no mounts: DataKit 1.23 and later'
kubernetesprometheus\t'DataKit\'s newer collector for pods and istiod, without annotations on pods: DataKit 1.34 and later'"
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l datakit-version -d 'DataKit\'s version [default: read from the image\'s tag]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l cluster-name -d 'Name of the cluster, for all that DataKit collects and elects' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l global-tags -d 'Tag for all that DataKit collects (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l enable-inputs -d 'Inputs for DataKit to enable' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -s n -l namespace -d 'Namespace of the application [default: prod]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l app-id -d 'Id of the application in the console' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l datakit-origin -d 'DataKit that browsers send to, as scheme://host:port; `/` is the page\'s own origin (see init nginx --rum-proxy)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l site -d 'Public site to send to instead, with --client-token' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l client-token -d 'Client token for --site; it is readable in the page' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l env -d 'Environment' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l service -d 'Service [default: the SDK\'s, browser]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l app-version -d 'Version of the application' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l trace-type -d 'Headers that carry traces: zipkin is what Envoy takes [default: zipkin]' -r -f -a "zipkin\t''
zipkin_single_header\t''
ddtrace\t''
w3c_traceparent\t''
w3c_traceparent_64bit\t''
skywalking_v3\t''
jaeger\t''"
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l allowed-tracing-urls -d 'Addresses whose requests are traced, by their beginnings [default: the page\'s own origin]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l sdk-url -d 'Where the SDK is loaded from [default: the vendor\'s server, version 3]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l sample-rate -d 'Share of sessions to watch, in percent [default: 100]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l dry-run -d 'Print plan and manifests and touch nothing; `server` lets the server judge them' -r -f -a "client\t'Print plan and manifests'
server\t'Let the server judge them, too'"
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l timeout -d 'How long a rollout may take (30s, 5m)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l context -d 'Context of kubectl' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l kubeconfig -d 'Configuration of kubectl' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l request-timeout -d 'How long one request to the API server may take (30s, 2m)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l deadline -d 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l gateways -d 'Scrape the ingress and egress gateways, too (through the Services of `init gateway-metrics`)'
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l async -d 'Load the SDK without letting the page wait'
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l replay -d 'Record sessions'
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -s y -l yes -d 'Do it without asking'
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l force-conflicts -d 'Take over fields that another manager owns'
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l strict -d 'Exit with 1 where the closing check finds something that is not observable'
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand install" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshobs -n "__fish_meshobs_using_subcommand uninstall" -l app -d 'Undo one application only, as `meshobs status` names it' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand uninstall" -l timeout -d 'How long a deletion may take (30s, 5m)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand uninstall" -l context -d 'Context of kubectl' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand uninstall" -l kubeconfig -d 'Configuration of kubectl' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand uninstall" -l request-timeout -d 'How long one request to the API server may take (30s, 2m)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand uninstall" -l deadline -d 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand uninstall" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand uninstall" -s y -l yes -d 'Do it without asking'
complete -c meshobs -n "__fish_meshobs_using_subcommand uninstall" -l dry-run -d 'Print what would be done, and do nothing'
complete -c meshobs -n "__fish_meshobs_using_subcommand uninstall" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand uninstall" -s h -l help -d 'Print help'
complete -c meshobs -n "__fish_meshobs_using_subcommand status" -l context -d 'Context of kubectl' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand status" -l kubeconfig -d 'Configuration of kubectl' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand status" -l request-timeout -d 'How long one request to the API server may take (30s, 2m)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand status" -l deadline -d 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand status" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand status" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand status" -s h -l help -d 'Print help'
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -s n -l namespace -d 'Namespace of the workload that is described [default: any]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l format -d 'How the findings are written' -r -f -a "human\t'Lines for people'
json\t'One JSON document'
sarif\t'SARIF 2.1, for code scanning (files only)'
github\t'Annotations of GitHub Actions (files only)'
gitlab\t'Code quality report of GitLab (files only)'
junit\t'JUnit XML, a test case for each check and object'"
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l map -d 'Draw what reports where instead, with broken links marked' -r -f -a "mermaid\t'Mermaid, for Markdown'
dot\t'Graphviz'
html\t'One HTML file with the picture in it'"
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l wait -d 'Check the cluster again until nothing is missing, for this long (30s, 5m)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l watch -d 'Check again and again, and print what changes, until Ctrl-C [default pause: 5s]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l ignore -d 'Ignore a check, or what it finds about one object, as KIND/NAME or NAMESPACE/KIND/NAME (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l only-section -d 'Report one section only, such as tracing or workloads (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l fail-on -d 'The least level that exits with 1 [default: failure]' -r -f -a "warning\t'Worth knowing; nothing is lost by it'
failure\t'Something is not observable, or data is lost'"
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l exclude -d 'Leave out files of directories by name, or by path where the glob has a `/` (repeatable)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l context -d 'Context of kubectl' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l kubeconfig -d 'Configuration of kubectl' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l request-timeout -d 'How long one request to the API server may take (30s, 2m)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l deadline -d 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l config -d 'Configuration file [default: meshobs.toml, if there is one]' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -s v -l verbose -d 'List what is unknown, too, and of files what is fine'
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l cluster -d 'Judge the files together with what the cluster has; without files the cluster alone'
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -l no-config -d 'Read no configuration file'
complete -c meshobs -n "__fish_meshobs_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -l local -d 'One DataKit, as http://HOST:9529, instead of a cluster' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -s n -l namespace -d 'Ask the workloads of this namespace only [default: all]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -l url -d 'The page to ask for, as http://HOST/PATH [default: a rule\'s, by a port-forward to the ingress gateway]' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -l wait -d 'How long uploads are waited for; DataKit uploads every 10 s' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -l app-id -d 'Application of the view that is sent, for a DataKit that takes only those it lists' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -l skip -d 'Leave out a link (repeatable)' -r -f -a "datakit\t''
inputs\t''
uploads\t''
sidecar\t''
metrics\t''
span\t''
span-fed\t''
span-uploaded\t''
gateway-span\t''
page\t''
rum\t''
logs\t''"
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -l fail-on -d 'What ends with exit code 1' -r -f -a "broken\t'A broken link'
unknown\t'An unknown one, too'"
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -l format -d 'How the links are written' -r -f -a "human\t'Lines for people'
json\t'One JSON document'
junit\t'JUnit XML, a test case for each link'"
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -l context -d 'Context of kubectl' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -l kubeconfig -d 'Configuration of kubectl' -r -F
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -l request-timeout -d 'How long one request to the API server may take (30s, 2m)' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -l deadline -d 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit' -r
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -l post-rum -d 'Send a view that is stored, instead of one that is only parsed'
complete -c meshobs -n "__fish_meshobs_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshobs -n "__fish_meshobs_using_subcommand explain" -s h -l help -d 'Print help'
complete -c meshobs -n "__fish_meshobs_using_subcommand completion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and not __fish_seen_subcommand_from patch fn unpatch init install uninstall status check verify explain completion help" -f -a "patch" -d 'Add namespace, scrape annotation and RUM image to manifests'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and not __fish_seen_subcommand_from patch fn unpatch init install uninstall status check verify explain completion help" -f -a "fn" -d 'Patch the items of a ResourceList, as a KRM function of kustomize or kpt'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and not __fish_seen_subcommand_from patch fn unpatch init install uninstall status check verify explain completion help" -f -a "unpatch" -d 'Take out of manifests what patch with the same settings put in'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and not __fish_seen_subcommand_from patch fn unpatch init install uninstall status check verify explain completion help" -f -a "init" -d 'Print files to start from'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and not __fish_seen_subcommand_from patch fn unpatch init install uninstall status check verify explain completion help" -f -a "install" -d 'Install all of it into a cluster, with a plan first'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and not __fish_seen_subcommand_from patch fn unpatch init install uninstall status check verify explain completion help" -f -a "uninstall" -d 'Undo what install did'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and not __fish_seen_subcommand_from patch fn unpatch init install uninstall status check verify explain completion help" -f -a "status" -d 'Tell what install recorded, and whether it is there'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and not __fish_seen_subcommand_from patch fn unpatch init install uninstall status check verify explain completion help" -f -a "check" -d 'Tell what keeps the mesh from being observable, in files or in the cluster'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and not __fish_seen_subcommand_from patch fn unpatch init install uninstall status check verify explain completion help" -f -a "verify" -d 'Prove that telemetry flows, by what DataKit counts'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and not __fish_seen_subcommand_from patch fn unpatch init install uninstall status check verify explain completion help" -f -a "explain" -d 'Print what a check looks at, how its fault shows, and how to fix it'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and not __fish_seen_subcommand_from patch fn unpatch init install uninstall status check verify explain completion help" -f -a "completion" -d 'Print the completion script of a shell'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and not __fish_seen_subcommand_from patch fn unpatch init install uninstall status check verify explain completion help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and __fish_seen_subcommand_from init" -f -a "config" -d 'Print a meshobs.toml with all settings and their defaults'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and __fish_seen_subcommand_from init" -f -a "datakit" -d 'Print DataKit\'s manifest with token and collectors, or edit yours'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and __fish_seen_subcommand_from init" -f -a "namespace" -d 'Print Namespaces whose pods get a sidecar'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and __fish_seen_subcommand_from init" -f -a "gateway-metrics" -d 'Print the Services by which DataKit reaches the metrics of Istio\'s gateways'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and __fish_seen_subcommand_from init" -f -a "tracing" -d 'Print what sends Istio\'s spans to DataKit'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and __fish_seen_subcommand_from init" -f -a "policy" -d 'Print a policy by which the cluster itself adds the scrape annotation to new pods'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and __fish_seen_subcommand_from init" -f -a "rum" -d 'Put browser monitoring into an application\'s page'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and __fish_seen_subcommand_from init" -f -a "nginx" -d 'Print a configuration of nginx in front of the mesh, or edit yours'
complete -c meshobs -n "__fish_meshobs_using_subcommand help; and __fish_seen_subcommand_from init" -f -a "drill" -d 'Print what delays or aborts requests of one user'
