//! This release of DataKit does what the mesh asks of it.

use super::Check;
use crate::check::Outcome;
use crate::facts::datakit::{ANNOTATION_BACK, ENV_DISCOVERY, SCRAPE_ANNOTATION, WITHOUT_ANNOTATION};
use crate::gate::command;
use crate::kube::ImageRef;
use crate::mesh::Mesh;

pub(super) const CHECK: Check =
    Check { id: "datakit-version", section: "DataKit", title: "this DataKit reads annotations", run };

fn run(mesh: &Mesh<'_>, outcome: &mut Outcome) {
    let annotated =
        |annotation| mesh.applications.iter().filter(|w| w.annotation(annotation).is_set()).count();
    for datakit in &mesh.datakits {
        if datakit.version() != Some(WITHOUT_ANNOTATION) {
            if datakit.version().is_some() {
                outcome.looked(CHECK.id);
            }
            continue;
        }
        let count = annotated(SCRAPE_ANNOTATION);
        let other = datakit.env_text(ENV_DISCOVERY) == "true"
            || datakit.conf.blocks("kubernetesprometheus").next().is_some();
        if count == 0 && (mesh.inventory.live || other || !mesh.applications.is_empty()) {
            outcome.looked(CHECK.id);
            continue;
        }
        let image = datakit.image().text();
        let repository = ImageRef::parse(&image).repository.to_owned();
        let message = format!("DataKit {WITHOUT_ANNOTATION} ignores the annotation {SCRAPE_ANNOTATION}");
        let (object, container) = (datakit.object, datakit.container.get("name").text());
        let hint = if mesh.inventory.live {
            let (namespace, name) = (object.namespace(), object.reference());
            command!(
                "kubectl set image -n {} {} {}",
                namespace,
                name,
                format!("{container}={repository}:{ANNOTATION_BACK}")
            )
        } else {
            format!("set the image to {repository}:{ANNOTATION_BACK} or later")
        };
        if count == 0 {
            outcome.warn(CHECK.id, object, datakit.image(), message, hint);
        } else {
            let finding = outcome.fail(CHECK.id, object, datakit.image(), message, hint);
            finding.leads_to(format!("{count} annotated workloads are not scraped"));
        }
    }
}
