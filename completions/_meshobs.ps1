
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'meshobs' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'meshobs'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'meshobs' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('patch', 'patch', [CompletionResultType]::ParameterValue, 'Add namespace, scrape annotation and RUM image to manifests')
            [CompletionResult]::new('fn', 'fn', [CompletionResultType]::ParameterValue, 'Patch the items of a ResourceList, as a KRM function of kustomize or kpt')
            [CompletionResult]::new('unpatch', 'unpatch', [CompletionResultType]::ParameterValue, 'Take out of manifests what patch with the same settings put in')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Print files to start from')
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Install all of it into a cluster, with a plan first')
            [CompletionResult]::new('uninstall', 'uninstall', [CompletionResultType]::ParameterValue, 'Undo what install did')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Tell what install recorded, and whether it is there')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Tell what keeps the mesh from being observable, in files or in the cluster')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Prove that telemetry flows, by what DataKit counts')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Print what a check looks at, how its fault shows, and how to fix it')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshobs;patch' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to a directory (a tree in, the same tree out), or for one input to a .yaml, .yml or .json file')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to a directory (a tree in, the same tree out), or for one input to a .yaml, .yml or .json file')
            [CompletionResult]::new('--backup', '--backup', [CompletionResultType]::ParameterName, 'With --in-place, keep each replaced file under its name and this suffix')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'Lines of context in the diff')
            [CompletionResult]::new('--unified', '--unified', [CompletionResultType]::ParameterName, 'Lines of context in the diff')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours in the diff')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'Print for this program (Helm is also known by its marks in what comes from stdin)')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Format of the report')
            [CompletionResult]::new('--report-file', '--report-file', [CompletionResultType]::ParameterName, 'Write the report, or the errors, to this file too, also with --quiet')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Run only these rules')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Run all default rules but these')
            [CompletionResult]::new('--with', '--with', [CompletionResultType]::ParameterName, 'Run these too, though they are off by default')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Leave out files of directories by name, or by path where the glob has a `/` (repeatable)')
            [CompletionResult]::new('--kustomize', '--kustomize', [CompletionResultType]::ParameterName, 'Files that a Kustomization lists [default: refuse]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Namespace for resources that have none [default: prod]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Namespace for resources that have none [default: prod]')
            [CompletionResult]::new('--cluster-scoped', '--cluster-scoped', [CompletionResultType]::ParameterName, 'Treat a kind as cluster-scoped, so that it gets no namespace (repeatable)')
            [CompletionResult]::new('--metrics-profile', '--metrics-profile', [CompletionResultType]::ParameterName, 'Set of defaults for the settings below [default: guide]')
            [CompletionResult]::new('--metrics-url', '--metrics-url', [CompletionResultType]::ParameterName, 'Where the metrics are, instead of port and path [default: http://$IP:15020/stats/prometheus]')
            [CompletionResult]::new('--metrics-port', '--metrics-port', [CompletionResultType]::ParameterName, 'Port of the metrics [default: 15020]')
            [CompletionResult]::new('--metrics-path', '--metrics-path', [CompletionResultType]::ParameterName, 'Path of the metrics [default: /stats/prometheus]')
            [CompletionResult]::new('--metrics-types', '--metrics-types', [CompletionResultType]::ParameterName, 'Metric types to collect [default: counter,gauge,histogram]')
            [CompletionResult]::new('--metrics-interval', '--metrics-interval', [CompletionResultType]::ParameterName, 'Time between two scrapes [default: 10s]')
            [CompletionResult]::new('--metrics-measurement', '--metrics-measurement', [CompletionResultType]::ParameterName, 'Measurement to store in [default: istio_prom]')
            [CompletionResult]::new('--metrics-name-filter', '--metrics-name-filter', [CompletionResultType]::ParameterName, 'Regular expressions on names of metric families; others are dropped')
            [CompletionResult]::new('--metrics-tags-ignore', '--metrics-tags-ignore', [CompletionResultType]::ParameterName, 'Labels to drop')
            [CompletionResult]::new('--metrics-tag', '--metrics-tag', [CompletionResultType]::ParameterName, 'Tag to add; an empty value removes a default one (repeatable) [default: namespace, pod_name]')
            [CompletionResult]::new('--metrics-source', '--metrics-source', [CompletionResultType]::ParameterName, 'Collector''s name; knows {app} {version} {workload} {kind} {namespace} [default: minik8s-istio-{app}]')
            [CompletionResult]::new('--rum-image', '--rum-image', [CompletionResultType]::ParameterName, 'Image in place of bookinfo''s productpage [default: product-page:v1]')
            [CompletionResult]::new('--rum-mode', '--rum-mode', [CompletionResultType]::ParameterName, 'How the page with browser monitoring gets into the pod [default: image]')
            [CompletionResult]::new('--rum-config-map', '--rum-config-map', [CompletionResultType]::ParameterName, 'ConfigMap with the page, for --rum-mode configmap [default: productpage-rum]')
            [CompletionResult]::new('--image', '--image', [CompletionResultType]::ParameterName, 'Replace another image; OLD without a tag means every tag (repeatable)')
            [CompletionResult]::new('--token-file', '--token-file', [CompletionResultType]::ParameterName, 'File with DataKit''s token; else the variable MESHOBS_TOKEN')
            [CompletionResult]::new('--dataway', '--dataway', [CompletionResultType]::ParameterName, 'Address that DataKit uploads to (repeatable) [default: the one that is there, or Guance''s]')
            [CompletionResult]::new('--token-secret', '--token-secret', [CompletionResultType]::ParameterName, 'Put the address and its token into a Secret of this name')
            [CompletionResult]::new('--collector', '--collector', [CompletionResultType]::ParameterName, 'How DataKit is told what to collect [default: configmap]')
            [CompletionResult]::new('--datakit-version', '--datakit-version', [CompletionResultType]::ParameterName, 'DataKit''s version [default: read from the image''s tag]')
            [CompletionResult]::new('--cluster-name', '--cluster-name', [CompletionResultType]::ParameterName, 'Name of the cluster, for all that DataKit collects and elects')
            [CompletionResult]::new('--global-tags', '--global-tags', [CompletionResultType]::ParameterName, 'Tag for all that DataKit collects (repeatable)')
            [CompletionResult]::new('--enable-inputs', '--enable-inputs', [CompletionResultType]::ParameterName, 'Inputs for DataKit to enable')
            [CompletionResult]::new('--tracing-mode', '--tracing-mode', [CompletionResultType]::ParameterName, 'What is written into the mesh configuration [default: mesh-config]')
            [CompletionResult]::new('--tracing-address', '--tracing-address', [CompletionResultType]::ParameterName, 'Address for spans [default: $(HOST_IP):9529 from Istio 1.9, else DataKit''s Service]')
            [CompletionResult]::new('--tracing-sampling', '--tracing-sampling', [CompletionResultType]::ParameterName, 'Share of requests to trace, in percent [default: as it is]')
            [CompletionResult]::new('--istio-version', '--istio-version', [CompletionResultType]::ParameterName, 'Istio''s version [default: read from the object''s labels]')
            [CompletionResult]::new('--istio-namespace', '--istio-namespace', [CompletionResultType]::ParameterName, 'Namespace of istiod [default: istio-system]')
            [CompletionResult]::new('--revision', '--revision', [CompletionResultType]::ParameterName, 'Revision of istiod, whose ConfigMap is `istio-REVISION`')
            [CompletionResult]::new('--datakit-namespace', '--datakit-namespace', [CompletionResultType]::ParameterName, 'Namespace of DataKit [default: datakit]')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Replace the files, all or none')
            [CompletionResult]::new('--in-place', '--in-place', [CompletionResultType]::ParameterName, 'Replace the files, all or none')
            [CompletionResult]::new('--diff', '--diff', [CompletionResultType]::ParameterName, 'Print a unified diff instead of manifests')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show tokens in the diff')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Write nothing; exit with 1 if anything would change')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Report what is no Kubernetes object, too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Report what is no Kubernetes object, too')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('--overwrite', '--overwrite', [CompletionResultType]::ParameterName, 'Replace values that are there and differ (another namespace, another scrape annotation)')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Fail, with nothing on stdout, where a skip leaves a resource unobserved')
            [CompletionResult]::new('--no-image-comment', '--no-image-comment', [CompletionResultType]::ParameterName, 'Leave no comment line with the old image')
            [CompletionResult]::new('--gateways', '--gateways', [CompletionResultType]::ParameterName, 'Scrape the ingress and egress gateways, too (through the Services of `init gateway-metrics`)')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'The nodes have IPv6 addresses, so spans go to DataKit''s Service [default: as a Service in the input tells]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'meshobs;fn' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Run only these rules')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Run all default rules but these')
            [CompletionResult]::new('--with', '--with', [CompletionResultType]::ParameterName, 'Run these too, though they are off by default')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Leave out files of directories by name, or by path where the glob has a `/` (repeatable)')
            [CompletionResult]::new('--kustomize', '--kustomize', [CompletionResultType]::ParameterName, 'Files that a Kustomization lists [default: refuse]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Namespace for resources that have none [default: prod]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Namespace for resources that have none [default: prod]')
            [CompletionResult]::new('--cluster-scoped', '--cluster-scoped', [CompletionResultType]::ParameterName, 'Treat a kind as cluster-scoped, so that it gets no namespace (repeatable)')
            [CompletionResult]::new('--metrics-profile', '--metrics-profile', [CompletionResultType]::ParameterName, 'Set of defaults for the settings below [default: guide]')
            [CompletionResult]::new('--metrics-url', '--metrics-url', [CompletionResultType]::ParameterName, 'Where the metrics are, instead of port and path [default: http://$IP:15020/stats/prometheus]')
            [CompletionResult]::new('--metrics-port', '--metrics-port', [CompletionResultType]::ParameterName, 'Port of the metrics [default: 15020]')
            [CompletionResult]::new('--metrics-path', '--metrics-path', [CompletionResultType]::ParameterName, 'Path of the metrics [default: /stats/prometheus]')
            [CompletionResult]::new('--metrics-types', '--metrics-types', [CompletionResultType]::ParameterName, 'Metric types to collect [default: counter,gauge,histogram]')
            [CompletionResult]::new('--metrics-interval', '--metrics-interval', [CompletionResultType]::ParameterName, 'Time between two scrapes [default: 10s]')
            [CompletionResult]::new('--metrics-measurement', '--metrics-measurement', [CompletionResultType]::ParameterName, 'Measurement to store in [default: istio_prom]')
            [CompletionResult]::new('--metrics-name-filter', '--metrics-name-filter', [CompletionResultType]::ParameterName, 'Regular expressions on names of metric families; others are dropped')
            [CompletionResult]::new('--metrics-tags-ignore', '--metrics-tags-ignore', [CompletionResultType]::ParameterName, 'Labels to drop')
            [CompletionResult]::new('--metrics-tag', '--metrics-tag', [CompletionResultType]::ParameterName, 'Tag to add; an empty value removes a default one (repeatable) [default: namespace, pod_name]')
            [CompletionResult]::new('--metrics-source', '--metrics-source', [CompletionResultType]::ParameterName, 'Collector''s name; knows {app} {version} {workload} {kind} {namespace} [default: minik8s-istio-{app}]')
            [CompletionResult]::new('--rum-image', '--rum-image', [CompletionResultType]::ParameterName, 'Image in place of bookinfo''s productpage [default: product-page:v1]')
            [CompletionResult]::new('--rum-mode', '--rum-mode', [CompletionResultType]::ParameterName, 'How the page with browser monitoring gets into the pod [default: image]')
            [CompletionResult]::new('--rum-config-map', '--rum-config-map', [CompletionResultType]::ParameterName, 'ConfigMap with the page, for --rum-mode configmap [default: productpage-rum]')
            [CompletionResult]::new('--image', '--image', [CompletionResultType]::ParameterName, 'Replace another image; OLD without a tag means every tag (repeatable)')
            [CompletionResult]::new('--token-file', '--token-file', [CompletionResultType]::ParameterName, 'File with DataKit''s token; else the variable MESHOBS_TOKEN')
            [CompletionResult]::new('--dataway', '--dataway', [CompletionResultType]::ParameterName, 'Address that DataKit uploads to (repeatable) [default: the one that is there, or Guance''s]')
            [CompletionResult]::new('--token-secret', '--token-secret', [CompletionResultType]::ParameterName, 'Put the address and its token into a Secret of this name')
            [CompletionResult]::new('--collector', '--collector', [CompletionResultType]::ParameterName, 'How DataKit is told what to collect [default: configmap]')
            [CompletionResult]::new('--datakit-version', '--datakit-version', [CompletionResultType]::ParameterName, 'DataKit''s version [default: read from the image''s tag]')
            [CompletionResult]::new('--cluster-name', '--cluster-name', [CompletionResultType]::ParameterName, 'Name of the cluster, for all that DataKit collects and elects')
            [CompletionResult]::new('--global-tags', '--global-tags', [CompletionResultType]::ParameterName, 'Tag for all that DataKit collects (repeatable)')
            [CompletionResult]::new('--enable-inputs', '--enable-inputs', [CompletionResultType]::ParameterName, 'Inputs for DataKit to enable')
            [CompletionResult]::new('--tracing-mode', '--tracing-mode', [CompletionResultType]::ParameterName, 'What is written into the mesh configuration [default: mesh-config]')
            [CompletionResult]::new('--tracing-address', '--tracing-address', [CompletionResultType]::ParameterName, 'Address for spans [default: $(HOST_IP):9529 from Istio 1.9, else DataKit''s Service]')
            [CompletionResult]::new('--tracing-sampling', '--tracing-sampling', [CompletionResultType]::ParameterName, 'Share of requests to trace, in percent [default: as it is]')
            [CompletionResult]::new('--istio-version', '--istio-version', [CompletionResultType]::ParameterName, 'Istio''s version [default: read from the object''s labels]')
            [CompletionResult]::new('--istio-namespace', '--istio-namespace', [CompletionResultType]::ParameterName, 'Namespace of istiod [default: istio-system]')
            [CompletionResult]::new('--revision', '--revision', [CompletionResultType]::ParameterName, 'Revision of istiod, whose ConfigMap is `istio-REVISION`')
            [CompletionResult]::new('--datakit-namespace', '--datakit-namespace', [CompletionResultType]::ParameterName, 'Namespace of DataKit [default: datakit]')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('--overwrite', '--overwrite', [CompletionResultType]::ParameterName, 'Replace values that are there and differ (another namespace, another scrape annotation)')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Fail, with nothing on stdout, where a skip leaves a resource unobserved')
            [CompletionResult]::new('--no-image-comment', '--no-image-comment', [CompletionResultType]::ParameterName, 'Leave no comment line with the old image')
            [CompletionResult]::new('--gateways', '--gateways', [CompletionResultType]::ParameterName, 'Scrape the ingress and egress gateways, too (through the Services of `init gateway-metrics`)')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'The nodes have IPv6 addresses, so spans go to DataKit''s Service [default: as a Service in the input tells]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'meshobs;unpatch' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to a directory (a tree in, the same tree out), or for one input to a .yaml, .yml or .json file')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to a directory (a tree in, the same tree out), or for one input to a .yaml, .yml or .json file')
            [CompletionResult]::new('--backup', '--backup', [CompletionResultType]::ParameterName, 'With --in-place, keep each replaced file under its name and this suffix')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'Lines of context in the diff')
            [CompletionResult]::new('--unified', '--unified', [CompletionResultType]::ParameterName, 'Lines of context in the diff')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours in the diff')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'Print for this program (Helm is also known by its marks in what comes from stdin)')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Format of the report')
            [CompletionResult]::new('--report-file', '--report-file', [CompletionResultType]::ParameterName, 'Write the report, or the errors, to this file too, also with --quiet')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Run only these rules')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Run all default rules but these')
            [CompletionResult]::new('--with', '--with', [CompletionResultType]::ParameterName, 'Run these too, though they are off by default')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Leave out files of directories by name, or by path where the glob has a `/` (repeatable)')
            [CompletionResult]::new('--kustomize', '--kustomize', [CompletionResultType]::ParameterName, 'Files that a Kustomization lists [default: refuse]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Namespace for resources that have none [default: prod]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Namespace for resources that have none [default: prod]')
            [CompletionResult]::new('--cluster-scoped', '--cluster-scoped', [CompletionResultType]::ParameterName, 'Treat a kind as cluster-scoped, so that it gets no namespace (repeatable)')
            [CompletionResult]::new('--metrics-profile', '--metrics-profile', [CompletionResultType]::ParameterName, 'Set of defaults for the settings below [default: guide]')
            [CompletionResult]::new('--metrics-url', '--metrics-url', [CompletionResultType]::ParameterName, 'Where the metrics are, instead of port and path [default: http://$IP:15020/stats/prometheus]')
            [CompletionResult]::new('--metrics-port', '--metrics-port', [CompletionResultType]::ParameterName, 'Port of the metrics [default: 15020]')
            [CompletionResult]::new('--metrics-path', '--metrics-path', [CompletionResultType]::ParameterName, 'Path of the metrics [default: /stats/prometheus]')
            [CompletionResult]::new('--metrics-types', '--metrics-types', [CompletionResultType]::ParameterName, 'Metric types to collect [default: counter,gauge,histogram]')
            [CompletionResult]::new('--metrics-interval', '--metrics-interval', [CompletionResultType]::ParameterName, 'Time between two scrapes [default: 10s]')
            [CompletionResult]::new('--metrics-measurement', '--metrics-measurement', [CompletionResultType]::ParameterName, 'Measurement to store in [default: istio_prom]')
            [CompletionResult]::new('--metrics-name-filter', '--metrics-name-filter', [CompletionResultType]::ParameterName, 'Regular expressions on names of metric families; others are dropped')
            [CompletionResult]::new('--metrics-tags-ignore', '--metrics-tags-ignore', [CompletionResultType]::ParameterName, 'Labels to drop')
            [CompletionResult]::new('--metrics-tag', '--metrics-tag', [CompletionResultType]::ParameterName, 'Tag to add; an empty value removes a default one (repeatable) [default: namespace, pod_name]')
            [CompletionResult]::new('--metrics-source', '--metrics-source', [CompletionResultType]::ParameterName, 'Collector''s name; knows {app} {version} {workload} {kind} {namespace} [default: minik8s-istio-{app}]')
            [CompletionResult]::new('--rum-image', '--rum-image', [CompletionResultType]::ParameterName, 'Image in place of bookinfo''s productpage [default: product-page:v1]')
            [CompletionResult]::new('--rum-mode', '--rum-mode', [CompletionResultType]::ParameterName, 'How the page with browser monitoring gets into the pod [default: image]')
            [CompletionResult]::new('--rum-config-map', '--rum-config-map', [CompletionResultType]::ParameterName, 'ConfigMap with the page, for --rum-mode configmap [default: productpage-rum]')
            [CompletionResult]::new('--token-file', '--token-file', [CompletionResultType]::ParameterName, 'File with DataKit''s token; else the variable MESHOBS_TOKEN')
            [CompletionResult]::new('--dataway', '--dataway', [CompletionResultType]::ParameterName, 'Address that DataKit uploads to (repeatable) [default: the one that is there, or Guance''s]')
            [CompletionResult]::new('--token-secret', '--token-secret', [CompletionResultType]::ParameterName, 'Put the address and its token into a Secret of this name')
            [CompletionResult]::new('--collector', '--collector', [CompletionResultType]::ParameterName, 'How DataKit is told what to collect [default: configmap]')
            [CompletionResult]::new('--datakit-version', '--datakit-version', [CompletionResultType]::ParameterName, 'DataKit''s version [default: read from the image''s tag]')
            [CompletionResult]::new('--cluster-name', '--cluster-name', [CompletionResultType]::ParameterName, 'Name of the cluster, for all that DataKit collects and elects')
            [CompletionResult]::new('--global-tags', '--global-tags', [CompletionResultType]::ParameterName, 'Tag for all that DataKit collects (repeatable)')
            [CompletionResult]::new('--enable-inputs', '--enable-inputs', [CompletionResultType]::ParameterName, 'Inputs for DataKit to enable')
            [CompletionResult]::new('--tracing-mode', '--tracing-mode', [CompletionResultType]::ParameterName, 'What is written into the mesh configuration [default: mesh-config]')
            [CompletionResult]::new('--tracing-address', '--tracing-address', [CompletionResultType]::ParameterName, 'Address for spans [default: $(HOST_IP):9529 from Istio 1.9, else DataKit''s Service]')
            [CompletionResult]::new('--tracing-sampling', '--tracing-sampling', [CompletionResultType]::ParameterName, 'Share of requests to trace, in percent [default: as it is]')
            [CompletionResult]::new('--istio-version', '--istio-version', [CompletionResultType]::ParameterName, 'Istio''s version [default: read from the object''s labels]')
            [CompletionResult]::new('--istio-namespace', '--istio-namespace', [CompletionResultType]::ParameterName, 'Namespace of istiod [default: istio-system]')
            [CompletionResult]::new('--revision', '--revision', [CompletionResultType]::ParameterName, 'Revision of istiod, whose ConfigMap is `istio-REVISION`')
            [CompletionResult]::new('--datakit-namespace', '--datakit-namespace', [CompletionResultType]::ParameterName, 'Namespace of DataKit [default: datakit]')
            [CompletionResult]::new('--image', '--image', [CompletionResultType]::ParameterName, 'The image OLD that is now NEW, where patch was not told by file or variable (repeatable)')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Replace the files, all or none')
            [CompletionResult]::new('--in-place', '--in-place', [CompletionResultType]::ParameterName, 'Replace the files, all or none')
            [CompletionResult]::new('--diff', '--diff', [CompletionResultType]::ParameterName, 'Print a unified diff instead of manifests')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show tokens in the diff')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Write nothing; exit with 1 if anything would change')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Report what is no Kubernetes object, too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Report what is no Kubernetes object, too')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('--no-image-comment', '--no-image-comment', [CompletionResultType]::ParameterName, 'Leave no comment line with the old image')
            [CompletionResult]::new('--gateways', '--gateways', [CompletionResultType]::ParameterName, 'Scrape the ingress and egress gateways, too (through the Services of `init gateway-metrics`)')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'The nodes have IPv6 addresses, so spans go to DataKit''s Service [default: as a Service in the input tells]')
            [CompletionResult]::new('--overwrite', '--overwrite', [CompletionResultType]::ParameterName, 'Replace values that are there and differ (another namespace, another scrape annotation)')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Fail, with nothing on stdout, where a skip leaves a resource unobserved')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'meshobs;init' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Print a meshobs.toml with all settings and their defaults')
            [CompletionResult]::new('datakit', 'datakit', [CompletionResultType]::ParameterValue, 'Print DataKit''s manifest with token and collectors, or edit yours')
            [CompletionResult]::new('namespace', 'namespace', [CompletionResultType]::ParameterValue, 'Print Namespaces whose pods get a sidecar')
            [CompletionResult]::new('gateway-metrics', 'gateway-metrics', [CompletionResultType]::ParameterValue, 'Print the Services by which DataKit reaches the metrics of Istio''s gateways')
            [CompletionResult]::new('tracing', 'tracing', [CompletionResultType]::ParameterValue, 'Print what sends Istio''s spans to DataKit')
            [CompletionResult]::new('policy', 'policy', [CompletionResultType]::ParameterValue, 'Print a policy by which the cluster itself adds the scrape annotation to new pods')
            [CompletionResult]::new('rum', 'rum', [CompletionResultType]::ParameterValue, 'Put browser monitoring into an application''s page')
            [CompletionResult]::new('nginx', 'nginx', [CompletionResultType]::ParameterValue, 'Print a configuration of nginx in front of the mesh, or edit yours')
            [CompletionResult]::new('drill', 'drill', [CompletionResultType]::ParameterValue, 'Print what delays or aborts requests of one user')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshobs;init;config' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout; one that is there is not replaced')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout; one that is there is not replaced')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'meshobs;init;datakit' {
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'DataKit''s token; without a value it is asked for')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Edit this file instead of the built-in template; `-` is stdin')
            [CompletionResult]::new('--token-file', '--token-file', [CompletionResultType]::ParameterName, 'File with DataKit''s token; else the variable MESHOBS_TOKEN')
            [CompletionResult]::new('--dataway', '--dataway', [CompletionResultType]::ParameterName, 'Address that DataKit uploads to (repeatable) [default: the one that is there, or Guance''s]')
            [CompletionResult]::new('--token-secret', '--token-secret', [CompletionResultType]::ParameterName, 'Put the address and its token into a Secret of this name')
            [CompletionResult]::new('--collector', '--collector', [CompletionResultType]::ParameterName, 'How DataKit is told what to collect [default: configmap]')
            [CompletionResult]::new('--datakit-version', '--datakit-version', [CompletionResultType]::ParameterName, 'DataKit''s version [default: read from the image''s tag]')
            [CompletionResult]::new('--cluster-name', '--cluster-name', [CompletionResultType]::ParameterName, 'Name of the cluster, for all that DataKit collects and elects')
            [CompletionResult]::new('--global-tags', '--global-tags', [CompletionResultType]::ParameterName, 'Tag for all that DataKit collects (repeatable)')
            [CompletionResult]::new('--enable-inputs', '--enable-inputs', [CompletionResultType]::ParameterName, 'Inputs for DataKit to enable')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Variable of DataKit''s environment to set (repeatable)')
            [CompletionResult]::new('--image', '--image', [CompletionResultType]::ParameterName, 'Image of DataKit')
            [CompletionResult]::new('--datakit-namespace', '--datakit-namespace', [CompletionResultType]::ParameterName, 'Namespace to put DataKit into [default: the file''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Namespace of the applications, for --collector kubernetesprometheus [default: prod]')
            [CompletionResult]::new('--istio-namespace', '--istio-namespace', [CompletionResultType]::ParameterName, 'Namespace of istiod [default: istio-system]')
            [CompletionResult]::new('--revision', '--revision', [CompletionResultType]::ParameterName, 'Revision of istiod')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'Lines of context in the diff')
            [CompletionResult]::new('--unified', '--unified', [CompletionResultType]::ParameterName, 'Lines of context in the diff')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours in the diff')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout, in place of one that is there')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout, in place of one that is there')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'Start from this file instead of the built-in template')
            [CompletionResult]::new('--gateways', '--gateways', [CompletionResultType]::ParameterName, 'Scrape the ingress and egress gateways, too (through the Services of `init gateway-metrics`)')
            [CompletionResult]::new('--rum', '--rum', [CompletionResultType]::ParameterName, 'Let DataKit take what browsers send (RUM)')
            [CompletionResult]::new('--overwrite', '--overwrite', [CompletionResultType]::ParameterName, 'Replace values that are there and differ')
            [CompletionResult]::new('--diff', '--diff', [CompletionResultType]::ParameterName, 'Print a unified diff against --from instead of manifests')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show tokens in the diff')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'meshobs;init;namespace' {
            [CompletionResult]::new('--revision', '--revision', [CompletionResultType]::ParameterName, 'Sidecars of this revision of istiod (label istio.io/rev) instead of the default one')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout, in place of one that is there')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout, in place of one that is there')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'Start from this file instead of the built-in template')
            [CompletionResult]::new('--ambient', '--ambient', [CompletionResultType]::ParameterName, 'Ambient mode instead of sidecars; pods then have no port 15020 to scrape')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'meshobs;init;gateway-metrics' {
            [CompletionResult]::new('--ingress-selector', '--ingress-selector', [CompletionResultType]::ParameterName, 'Labels of the ingress gateway''s pods')
            [CompletionResult]::new('--egress-selector', '--egress-selector', [CompletionResultType]::ParameterName, 'Labels of the egress gateway''s pods')
            [CompletionResult]::new('--istio-namespace', '--istio-namespace', [CompletionResultType]::ParameterName, 'Namespace of the gateways [default: istio-system]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout, in place of one that is there')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout, in place of one that is there')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'Start from this file instead of the built-in template')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'meshobs;init;tracing' {
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'How spans get to DataKit [default: by version]')
            [CompletionResult]::new('--istio-version', '--istio-version', [CompletionResultType]::ParameterName, 'Istio''s version')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'ConfigMap `istio` or an IstioOperator to edit, and to read the version from; `-` is stdin')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'Context of kubectl')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'Configuration of kubectl')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request to the API server may take (30s, 2m)')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Address for spans [default: $(HOST_IP):9529 from Istio 1.9, else DataKit''s Service]')
            [CompletionResult]::new('--sampling', '--sampling', [CompletionResultType]::ParameterName, 'Share of requests to trace, in percent [default: 100 as in profile demo; mesh-config: as it is]')
            [CompletionResult]::new('--istio-namespace', '--istio-namespace', [CompletionResultType]::ParameterName, 'Namespace of istiod [default: istio-system]')
            [CompletionResult]::new('--revision', '--revision', [CompletionResultType]::ParameterName, 'Revision of istiod, whose ConfigMap is `istio-REVISION`')
            [CompletionResult]::new('--datakit-namespace', '--datakit-namespace', [CompletionResultType]::ParameterName, 'Namespace of DataKit [default: datakit]')
            [CompletionResult]::new('--datakit-selector', '--datakit-selector', [CompletionResultType]::ParameterName, 'Labels of DataKit''s pods, for the Service of external-name [default: as --from or --detect tell, else app=daemonset-datakit; DataKit''s Helm chart has app=datakit]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'Lines of context in the diff')
            [CompletionResult]::new('--unified', '--unified', [CompletionResultType]::ParameterName, 'Lines of context in the diff')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours in the diff')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout, in place of one that is there')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout, in place of one that is there')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'Start from this file instead of the built-in template')
            [CompletionResult]::new('--detect', '--detect', [CompletionResultType]::ParameterName, 'Ask the cluster for Istio''s version and for DataKit, through kubectl')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'The nodes have IPv6 addresses, so spans go to DataKit''s Service [default: as --from or --detect tell]')
            [CompletionResult]::new('--overwrite', '--overwrite', [CompletionResultType]::ParameterName, 'Replace an address that is there and is not Istio''s own')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('--diff', '--diff', [CompletionResultType]::ParameterName, 'Print a unified diff against --from instead of manifests')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show tokens in the diff')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'meshobs;init;policy' {
            [CompletionResult]::new('--engine', '--engine', [CompletionResultType]::ParameterName, 'What applies the policy')
            [CompletionResult]::new('--kubernetes-version', '--kubernetes-version', [CompletionResultType]::ParameterName, 'Version of Kubernetes, which decides the version of the API [default: 1.36]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'Context of kubectl')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'Configuration of kubectl')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request to the API server may take (30s, 2m)')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit')
            [CompletionResult]::new('--namespace-selector', '--namespace-selector', [CompletionResultType]::ParameterName, 'Labels of the namespaces it is for [default: those that Istio''s labels mark: istio-injection, istio.io/rev]')
            [CompletionResult]::new('--exclude-namespace', '--exclude-namespace', [CompletionResultType]::ParameterName, 'Namespaces to leave alone (repeatable)')
            [CompletionResult]::new('--istio-namespace', '--istio-namespace', [CompletionResultType]::ParameterName, 'Namespace of istiod [default: istio-system]')
            [CompletionResult]::new('--datakit-namespace', '--datakit-namespace', [CompletionResultType]::ParameterName, 'Namespace of DataKit, for the ConfigMap with the settings [default: datakit]')
            [CompletionResult]::new('--metrics-profile', '--metrics-profile', [CompletionResultType]::ParameterName, 'Set of defaults for the settings below [default: guide]')
            [CompletionResult]::new('--metrics-url', '--metrics-url', [CompletionResultType]::ParameterName, 'Where the metrics are, instead of port and path [default: http://$IP:15020/stats/prometheus]')
            [CompletionResult]::new('--metrics-port', '--metrics-port', [CompletionResultType]::ParameterName, 'Port of the metrics [default: 15020]')
            [CompletionResult]::new('--metrics-path', '--metrics-path', [CompletionResultType]::ParameterName, 'Path of the metrics [default: /stats/prometheus]')
            [CompletionResult]::new('--metrics-types', '--metrics-types', [CompletionResultType]::ParameterName, 'Metric types to collect [default: counter,gauge,histogram]')
            [CompletionResult]::new('--metrics-interval', '--metrics-interval', [CompletionResultType]::ParameterName, 'Time between two scrapes [default: 10s]')
            [CompletionResult]::new('--metrics-measurement', '--metrics-measurement', [CompletionResultType]::ParameterName, 'Measurement to store in [default: istio_prom]')
            [CompletionResult]::new('--metrics-name-filter', '--metrics-name-filter', [CompletionResultType]::ParameterName, 'Regular expressions on names of metric families; others are dropped')
            [CompletionResult]::new('--metrics-tags-ignore', '--metrics-tags-ignore', [CompletionResultType]::ParameterName, 'Labels to drop')
            [CompletionResult]::new('--metrics-tag', '--metrics-tag', [CompletionResultType]::ParameterName, 'Tag to add; an empty value removes a default one (repeatable) [default: namespace, pod_name]')
            [CompletionResult]::new('--metrics-source', '--metrics-source', [CompletionResultType]::ParameterName, 'Collector''s name; knows {app} {version} {workload} {kind} {namespace} [default: minik8s-istio-{app}]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout, in place of one that is there')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout, in place of one that is there')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'Start from this file instead of the built-in template')
            [CompletionResult]::new('--audit', '--audit', [CompletionResultType]::ParameterName, 'Warn about workloads without the annotation instead of adding it: a ValidatingAdmissionPolicy, from Kubernetes 1.30')
            [CompletionResult]::new('--detect', '--detect', [CompletionResultType]::ParameterName, 'Ask the cluster for its version and what it serves, through kubectl')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'meshobs;init;rum' {
            [CompletionResult]::new('--html', '--html', [CompletionResultType]::ParameterName, 'The page: an HTML file or a Jinja template; `-` is stdin')
            [CompletionResult]::new('--app-id', '--app-id', [CompletionResultType]::ParameterName, 'Id of the application in the console')
            [CompletionResult]::new('--datakit-origin', '--datakit-origin', [CompletionResultType]::ParameterName, 'DataKit that browsers send to, as scheme://host:port; `/` is the page''s own origin (see init nginx --rum-proxy)')
            [CompletionResult]::new('--site', '--site', [CompletionResultType]::ParameterName, 'Public site to send to instead, with --client-token')
            [CompletionResult]::new('--client-token', '--client-token', [CompletionResultType]::ParameterName, 'Client token for --site; it is readable in the page')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Environment')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Service [default: the SDK''s, browser]')
            [CompletionResult]::new('--app-version', '--app-version', [CompletionResultType]::ParameterName, 'Version of the application')
            [CompletionResult]::new('--trace-type', '--trace-type', [CompletionResultType]::ParameterName, 'Headers that carry traces: zipkin is what Envoy takes [default: zipkin]')
            [CompletionResult]::new('--allowed-tracing-urls', '--allowed-tracing-urls', [CompletionResultType]::ParameterName, 'Addresses whose requests are traced, by their beginnings [default: the page''s own origin]')
            [CompletionResult]::new('--sdk-url', '--sdk-url', [CompletionResultType]::ParameterName, 'Where the SDK is loaded from [default: the vendor''s server, version 3]')
            [CompletionResult]::new('--sample-rate', '--sample-rate', [CompletionResultType]::ParameterName, 'Share of sessions to watch, in percent [default: 100]')
            [CompletionResult]::new('--csp', '--csp', [CompletionResultType]::ParameterName, 'Content-Security-Policy that the page is served with, judged like its own `<meta>` tags (repeatable)')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'How the page reaches the cluster [default: print the page]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to a file in place of one that is there; with --mode image a folder')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to a file in place of one that is there; with --mode image a folder')
            [CompletionResult]::new('--base-image', '--base-image', [CompletionResultType]::ParameterName, 'Image to derive from, with --mode image [default: the published one that the page fits]')
            [CompletionResult]::new('--dockerfile', '--dockerfile', [CompletionResultType]::ParameterName, 'Dockerfile to adapt instead, with --mode image')
            [CompletionResult]::new('--rum-image', '--rum-image', [CompletionResultType]::ParameterName, 'Name of the new image, as `patch` puts it in [default: product-page:v1]')
            [CompletionResult]::new('--push', '--push', [CompletionResultType]::ParameterName, 'Registry and project to push the image to')
            [CompletionResult]::new('--rum-config-map', '--rum-config-map', [CompletionResultType]::ParameterName, 'Name of the ConfigMap, as `patch` mounts it [default: productpage-rum]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Namespace of the ConfigMap [default: prod]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Namespace of the ConfigMap [default: prod]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('--async', '--async', [CompletionResultType]::ParameterName, 'Load the SDK without letting the page wait')
            [CompletionResult]::new('--replay', '--replay', [CompletionResultType]::ParameterName, 'Record sessions')
            [CompletionResult]::new('--csp-edit', '--csp-edit', [CompletionResultType]::ParameterName, 'Extend the page''s own Content-Security-Policy by what monitoring needs')
            [CompletionResult]::new('--allow-blocked', '--allow-blocked', [CompletionResultType]::ParameterName, 'Write the page even where a Content-Security-Policy blocks monitoring')
            [CompletionResult]::new('--overwrite', '--overwrite', [CompletionResultType]::ParameterName, 'Replace a snippet of ours that says something else')
            [CompletionResult]::new('--fragment', '--fragment', [CompletionResultType]::ParameterName, 'Take a part of a page, without a head, for a page')
            [CompletionResult]::new('--remove', '--remove', [CompletionResultType]::ParameterName, 'Take our snippet out again; every byte is as it was before')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'meshobs;init;nginx' {
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Address and port to listen on [default: 80, or 443 with --tls-cert]')
            [CompletionResult]::new('--server-name', '--server-name', [CompletionResultType]::ParameterName, 'Name of the server (repeatable); `_` is any')
            [CompletionResult]::new('--tls-cert', '--tls-cert', [CompletionResultType]::ParameterName, 'Certificate for TLS, at the path where nginx finds it; without --listen port 80 redirects to 443')
            [CompletionResult]::new('--tls-key', '--tls-key', [CompletionResultType]::ParameterName, 'Key of the certificate')
            [CompletionResult]::new('--max-body', '--max-body', [CompletionResultType]::ParameterName, 'Largest body of a request, as in `10m`; 0 is any, and Envoy decides')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long the mesh may send nothing, as in `300s` or `1h`')
            [CompletionResult]::new('--upstream', '--upstream', [CompletionResultType]::ParameterName, 'Ingress gateway, as http://IP:PORT; required unless --detect finds it')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'Context of kubectl')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'Configuration of kubectl')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request to the API server may take (30s, 2m)')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit')
            [CompletionResult]::new('--istio-namespace', '--istio-namespace', [CompletionResultType]::ParameterName, 'Namespace of the ingress gateway, for --detect [default: istio-system]')
            [CompletionResult]::new('--rum-proxy', '--rum-proxy', [CompletionResultType]::ParameterName, 'DataKit that /v1/write/rum is passed on to, as http://HOST:9529')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Put the server into this configuration; `-` is stdin')
            [CompletionResult]::new('--into', '--into', [CompletionResultType]::ParameterName, 'Change the proxy_pass of a location in it, instead of adding a server')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'Print a resource of Kubernetes that leads to the ingress gateway instead, where no nginx is in front')
            [CompletionResult]::new('--ingress-class', '--ingress-class', [CompletionResultType]::ParameterName, 'Class of the Ingress, for --as ingress')
            [CompletionResult]::new('--gateway', '--gateway', [CompletionResultType]::ParameterName, 'Gateway that the route belongs to, for --as httproute')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to a file in place of one that is there')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to a file in place of one that is there')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('--detect', '--detect', [CompletionResultType]::ParameterName, 'Ask minikube and kubectl where the ingress gateway is')
            [CompletionResult]::new('--remove', '--remove', [CompletionResultType]::ParameterName, 'Take out of it what was added, and bring back what --into changed')
            [CompletionResult]::new('--overwrite', '--overwrite', [CompletionResultType]::ParameterName, 'Replace a server of ours that says something else')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No report on stderr; errors are still printed')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'meshobs;init;drill' {
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Service whose requests are hit')
            [CompletionResult]::new('--subset', '--subset', [CompletionResultType]::ParameterName, 'Subset of the service, by its label `version`')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'Header that tells the user')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User whose requests are hit')
            [CompletionResult]::new('--delay', '--delay', [CompletionResultType]::ParameterName, 'How long they wait')
            [CompletionResult]::new('--code', '--code', [CompletionResultType]::ParameterName, 'Status they fail with')
            [CompletionResult]::new('--percentage', '--percentage', [CompletionResultType]::ParameterName, 'Share of the user''s requests that is hit, in percent')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Namespace of the service [default: prod]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Namespace of the service [default: prod]')
            [CompletionResult]::new('--istio-version', '--istio-version', [CompletionResultType]::ParameterName, 'Istio''s version, which decides the apiVersion [default: one that every version serves]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout, in place of one that is there')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to a file instead of stdout, in place of one that is there')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'Start from this file instead of the built-in template')
            [CompletionResult]::new('--no-destination-rule', '--no-destination-rule', [CompletionResultType]::ParameterName, 'Leave out the DestinationRule; the subset is one of yours')
            [CompletionResult]::new('--remove', '--remove', [CompletionResultType]::ParameterName, 'Print the command that ends the drill')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'meshobs;init;help' {
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Print a meshobs.toml with all settings and their defaults')
            [CompletionResult]::new('datakit', 'datakit', [CompletionResultType]::ParameterValue, 'Print DataKit''s manifest with token and collectors, or edit yours')
            [CompletionResult]::new('namespace', 'namespace', [CompletionResultType]::ParameterValue, 'Print Namespaces whose pods get a sidecar')
            [CompletionResult]::new('gateway-metrics', 'gateway-metrics', [CompletionResultType]::ParameterValue, 'Print the Services by which DataKit reaches the metrics of Istio''s gateways')
            [CompletionResult]::new('tracing', 'tracing', [CompletionResultType]::ParameterValue, 'Print what sends Istio''s spans to DataKit')
            [CompletionResult]::new('policy', 'policy', [CompletionResultType]::ParameterValue, 'Print a policy by which the cluster itself adds the scrape annotation to new pods')
            [CompletionResult]::new('rum', 'rum', [CompletionResultType]::ParameterValue, 'Put browser monitoring into an application''s page')
            [CompletionResult]::new('nginx', 'nginx', [CompletionResultType]::ParameterValue, 'Print a configuration of nginx in front of the mesh, or edit yours')
            [CompletionResult]::new('drill', 'drill', [CompletionResultType]::ParameterValue, 'Print what delays or aborts requests of one user')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshobs;init;help;config' {
            break
        }
        'meshobs;init;help;datakit' {
            break
        }
        'meshobs;init;help;namespace' {
            break
        }
        'meshobs;init;help;gateway-metrics' {
            break
        }
        'meshobs;init;help;tracing' {
            break
        }
        'meshobs;init;help;policy' {
            break
        }
        'meshobs;init;help;rum' {
            break
        }
        'meshobs;init;help;nginx' {
            break
        }
        'meshobs;init;help;drill' {
            break
        }
        'meshobs;init;help;help' {
            break
        }
        'meshobs;install' {
            [CompletionResult]::new('--app', '--app', [CompletionResultType]::ParameterName, 'Name of the application, for `status` and `uninstall --app` [default: that of its namespace]')
            [CompletionResult]::new('--html', '--html', [CompletionResultType]::ParameterName, 'Page to put browser monitoring into')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Install only these parts')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Install all parts but these: datakit, tracing, namespace, rum, app, gateways')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'DataKit''s token; without a value it is asked for')
            [CompletionResult]::new('--token-file', '--token-file', [CompletionResultType]::ParameterName, 'File with DataKit''s token; else the variable MESHOBS_TOKEN')
            [CompletionResult]::new('--dataway', '--dataway', [CompletionResultType]::ParameterName, 'Address that DataKit uploads to (repeatable) [default: the one that is there, or Guance''s]')
            [CompletionResult]::new('--token-secret', '--token-secret', [CompletionResultType]::ParameterName, 'Put the address and its token into a Secret of this name')
            [CompletionResult]::new('--collector', '--collector', [CompletionResultType]::ParameterName, 'How DataKit is told what to collect [default: configmap]')
            [CompletionResult]::new('--datakit-version', '--datakit-version', [CompletionResultType]::ParameterName, 'DataKit''s version [default: read from the image''s tag]')
            [CompletionResult]::new('--cluster-name', '--cluster-name', [CompletionResultType]::ParameterName, 'Name of the cluster, for all that DataKit collects and elects')
            [CompletionResult]::new('--global-tags', '--global-tags', [CompletionResultType]::ParameterName, 'Tag for all that DataKit collects (repeatable)')
            [CompletionResult]::new('--enable-inputs', '--enable-inputs', [CompletionResultType]::ParameterName, 'Inputs for DataKit to enable')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Namespace of the application [default: prod]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Namespace of the application [default: prod]')
            [CompletionResult]::new('--app-id', '--app-id', [CompletionResultType]::ParameterName, 'Id of the application in the console')
            [CompletionResult]::new('--datakit-origin', '--datakit-origin', [CompletionResultType]::ParameterName, 'DataKit that browsers send to, as scheme://host:port; `/` is the page''s own origin (see init nginx --rum-proxy)')
            [CompletionResult]::new('--site', '--site', [CompletionResultType]::ParameterName, 'Public site to send to instead, with --client-token')
            [CompletionResult]::new('--client-token', '--client-token', [CompletionResultType]::ParameterName, 'Client token for --site; it is readable in the page')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Environment')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Service [default: the SDK''s, browser]')
            [CompletionResult]::new('--app-version', '--app-version', [CompletionResultType]::ParameterName, 'Version of the application')
            [CompletionResult]::new('--trace-type', '--trace-type', [CompletionResultType]::ParameterName, 'Headers that carry traces: zipkin is what Envoy takes [default: zipkin]')
            [CompletionResult]::new('--allowed-tracing-urls', '--allowed-tracing-urls', [CompletionResultType]::ParameterName, 'Addresses whose requests are traced, by their beginnings [default: the page''s own origin]')
            [CompletionResult]::new('--sdk-url', '--sdk-url', [CompletionResultType]::ParameterName, 'Where the SDK is loaded from [default: the vendor''s server, version 3]')
            [CompletionResult]::new('--sample-rate', '--sample-rate', [CompletionResultType]::ParameterName, 'Share of sessions to watch, in percent [default: 100]')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print plan and manifests and touch nothing; `server` lets the server judge them')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long a rollout may take (30s, 5m)')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'Context of kubectl')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'Configuration of kubectl')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request to the API server may take (30s, 2m)')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('--gateways', '--gateways', [CompletionResultType]::ParameterName, 'Scrape the ingress and egress gateways, too (through the Services of `init gateway-metrics`)')
            [CompletionResult]::new('--async', '--async', [CompletionResultType]::ParameterName, 'Load the SDK without letting the page wait')
            [CompletionResult]::new('--replay', '--replay', [CompletionResultType]::ParameterName, 'Record sessions')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do it without asking')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do it without asking')
            [CompletionResult]::new('--force-conflicts', '--force-conflicts', [CompletionResultType]::ParameterName, 'Take over fields that another manager owns')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Exit with 1 where the closing check finds something that is not observable')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'meshobs;uninstall' {
            [CompletionResult]::new('--app', '--app', [CompletionResultType]::ParameterName, 'Undo one application only, as `meshobs status` names it')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long a deletion may take (30s, 5m)')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'Context of kubectl')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'Configuration of kubectl')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request to the API server may take (30s, 2m)')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do it without asking')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do it without asking')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would be done, and do nothing')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'meshobs;status' {
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'Context of kubectl')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'Configuration of kubectl')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request to the API server may take (30s, 2m)')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'meshobs;check' {
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Namespace of the workload that is described [default: any]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Namespace of the workload that is described [default: any]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How the findings are written')
            [CompletionResult]::new('--map', '--map', [CompletionResultType]::ParameterName, 'Draw what reports where instead, with broken links marked')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Check the cluster again until nothing is missing, for this long (30s, 5m)')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Check again and again, and print what changes, until Ctrl-C [default pause: 5s]')
            [CompletionResult]::new('--ignore', '--ignore', [CompletionResultType]::ParameterName, 'Ignore a check, or what it finds about one object, as KIND/NAME or NAMESPACE/KIND/NAME (repeatable)')
            [CompletionResult]::new('--only-section', '--only-section', [CompletionResultType]::ParameterName, 'Report one section only, such as tracing or workloads (repeatable)')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'The least level that exits with 1 [default: failure]')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Leave out files of directories by name, or by path where the glob has a `/` (repeatable)')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'Context of kubectl')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'Configuration of kubectl')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request to the API server may take (30s, 2m)')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file [default: meshobs.toml, if there is one]')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'List what is unknown, too, and of files what is fine')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'List what is unknown, too, and of files what is fine')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'Judge the files together with what the cluster has; without files the cluster alone')
            [CompletionResult]::new('--no-config', '--no-config', [CompletionResultType]::ParameterName, 'Read no configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'meshobs;verify' {
            [CompletionResult]::new('--local', '--local', [CompletionResultType]::ParameterName, 'One DataKit, as http://HOST:9529, instead of a cluster')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Ask the workloads of this namespace only [default: all]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Ask the workloads of this namespace only [default: all]')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'The page to ask for, as http://HOST/PATH [default: a rule''s, by a port-forward to the ingress gateway]')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'How long uploads are waited for; DataKit uploads every 10 s')
            [CompletionResult]::new('--app-id', '--app-id', [CompletionResultType]::ParameterName, 'Application of the view that is sent, for a DataKit that takes only those it lists')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Leave out a link (repeatable)')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'What ends with exit code 1')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How the links are written')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'Context of kubectl')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'Configuration of kubectl')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request to the API server may take (30s, 2m)')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'How long the cluster may take for all that is asked of it; rollouts and deletions have their own limit')
            [CompletionResult]::new('--post-rum', '--post-rum', [CompletionResultType]::ParameterName, 'Send a view that is stored, instead of one that is only parsed')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'meshobs;explain' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'meshobs;completion' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'meshobs;help' {
            [CompletionResult]::new('patch', 'patch', [CompletionResultType]::ParameterValue, 'Add namespace, scrape annotation and RUM image to manifests')
            [CompletionResult]::new('fn', 'fn', [CompletionResultType]::ParameterValue, 'Patch the items of a ResourceList, as a KRM function of kustomize or kpt')
            [CompletionResult]::new('unpatch', 'unpatch', [CompletionResultType]::ParameterValue, 'Take out of manifests what patch with the same settings put in')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Print files to start from')
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Install all of it into a cluster, with a plan first')
            [CompletionResult]::new('uninstall', 'uninstall', [CompletionResultType]::ParameterValue, 'Undo what install did')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Tell what install recorded, and whether it is there')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Tell what keeps the mesh from being observable, in files or in the cluster')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Prove that telemetry flows, by what DataKit counts')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Print what a check looks at, how its fault shows, and how to fix it')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshobs;help;patch' {
            break
        }
        'meshobs;help;fn' {
            break
        }
        'meshobs;help;unpatch' {
            break
        }
        'meshobs;help;init' {
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Print a meshobs.toml with all settings and their defaults')
            [CompletionResult]::new('datakit', 'datakit', [CompletionResultType]::ParameterValue, 'Print DataKit''s manifest with token and collectors, or edit yours')
            [CompletionResult]::new('namespace', 'namespace', [CompletionResultType]::ParameterValue, 'Print Namespaces whose pods get a sidecar')
            [CompletionResult]::new('gateway-metrics', 'gateway-metrics', [CompletionResultType]::ParameterValue, 'Print the Services by which DataKit reaches the metrics of Istio''s gateways')
            [CompletionResult]::new('tracing', 'tracing', [CompletionResultType]::ParameterValue, 'Print what sends Istio''s spans to DataKit')
            [CompletionResult]::new('policy', 'policy', [CompletionResultType]::ParameterValue, 'Print a policy by which the cluster itself adds the scrape annotation to new pods')
            [CompletionResult]::new('rum', 'rum', [CompletionResultType]::ParameterValue, 'Put browser monitoring into an application''s page')
            [CompletionResult]::new('nginx', 'nginx', [CompletionResultType]::ParameterValue, 'Print a configuration of nginx in front of the mesh, or edit yours')
            [CompletionResult]::new('drill', 'drill', [CompletionResultType]::ParameterValue, 'Print what delays or aborts requests of one user')
            break
        }
        'meshobs;help;init;config' {
            break
        }
        'meshobs;help;init;datakit' {
            break
        }
        'meshobs;help;init;namespace' {
            break
        }
        'meshobs;help;init;gateway-metrics' {
            break
        }
        'meshobs;help;init;tracing' {
            break
        }
        'meshobs;help;init;policy' {
            break
        }
        'meshobs;help;init;rum' {
            break
        }
        'meshobs;help;init;nginx' {
            break
        }
        'meshobs;help;init;drill' {
            break
        }
        'meshobs;help;install' {
            break
        }
        'meshobs;help;uninstall' {
            break
        }
        'meshobs;help;status' {
            break
        }
        'meshobs;help;check' {
            break
        }
        'meshobs;help;verify' {
            break
        }
        'meshobs;help;explain' {
            break
        }
        'meshobs;help;completion' {
            break
        }
        'meshobs;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
